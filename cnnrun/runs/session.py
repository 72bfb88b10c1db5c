"""A training with its run directory, for as long as one process holds it.

A session holds its run's lock from the moment it is opened until it is closed, so that all it
reads and writes is one process's doing: the checkpoint it goes on from, the training, the test
figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

from filelock import BaseFileLock

from cnnrun.config import Experiment
from cnnrun.data import PreparedData
from cnnrun.errors import DivergedError, RunError
from cnnrun.runs.checkpoints import Checkpoint
from cnnrun.runs.divergence import require_finite_evaluation
from cnnrun.runs.events import Event, FinalTest, TrainingFinished
from cnnrun.runs.folder import Run
from cnnrun.runs.model import load_model
from cnnrun.runs.observers import CheckpointWriter, CurvePlotter, EpochLog, RecordWriter
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.state import restore_state, take_state
from cnnrun.runs.trainer import Trainer

__all__ = ["Session"]


class Session:
    """A training that writes to a run; iterate over `events` to let it happen.

    It lets go of the run's lock at the end of `events`, when it is closed (`with` does that), or
    when nothing refers to it any more.

    The observers are called in an order: the log first, because a checkpoint keeps its length; then
    the checkpoints; then the curves, which are drawn from the log; the record last, because its
    status promises that the rest is on the disk.
    """

    def __init__(
        self, run: Run, trainer: Trainer, lock: BaseFileLock, document: dict[str, Any]
    ) -> None:
        """Wire the observers to a training of a run whose `lock` is held."""
        self.run = run
        self.trainer = trainer
        self._lock = lock
        self.record = RecordWriter(run.record_file, document)
        self._log = log = EpochLog(run.log)
        self._observers = (
            log,
            CheckpointWriter(run.checkpoint, lambda: take_state(trainer, log.size)),
            CurvePlotter(run),
            self.record,
        )

    @property
    def experiment(self) -> Experiment:
        """What is trained."""
        return self.trainer.experiment

    @property
    def data(self) -> PreparedData:
        """What it is trained on."""
        return self.trainer.data

    @property
    def status(self) -> str:
        """The run's status: `running`, `finished`, `interrupted`, `failed` or `diverged`."""
        return str(self.record.document["status"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        return self.events()

    def close(self) -> None:
        """Let go of the run; nothing can be trained in this session any more."""
        self._lock.release()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint of this run, and cut what the log says after it.

        Raises:
            CheckpointError: it does not belong to this run.
        """
        self._log.cut(restore_state(self.trainer, checkpoint, str(self.run.folder)))

    def events(self, stop: StopRequest | None = None) -> Iterator[Event]:
        """Train, measure the best weights on the test split, and tell what happens.

        Every event has been written down when it is told. Whoever stops listening, or interrupts,
        leaves a run that resumes from its last checkpoint.

        Raises:
            DivergedError: a loss, a gradient or a weight is not finite.
            RunError: the run cannot be written to, or this session is closed.
        """
        if not self._lock.is_locked:
            raise RunError(f"{self.run.folder}: this session is closed; resume_run opens another")
        with self:
            try:
                for event in self._happenings(StopRequest() if stop is None else stop):
                    for observer in self._observers:
                        observer(event)
                    yield event
            except OSError as error:
                message = f"{self.run.folder}: {error.strerror or error}"
                self._end("failed", message)
                raise RunError(message) from error
            except (GeneratorExit, KeyboardInterrupt):
                self._end("interrupted")
                raise
            except DivergedError as error:
                self._end("diverged", str(error))
                raise
            except Exception as error:
                self._end("failed", f"{type(error).__name__}: {error}")
                raise

    def _happenings(self, stop: StopRequest) -> Iterator[Event]:
        event: Event | None = None
        for event in self.trainer.train(stop):
            yield event
        if isinstance(event, TrainingFinished):
            model = load_model(self.run, "best")
            evaluation = model.measure(self.data.test, workers=self.trainer.workers)
            require_finite_evaluation(
                evaluation,
                model.network,
                self.experiment.loss,
                self.data.test,
                "on the test split, with the best weights",
            )
            yield FinalTest("best", evaluation.loss, evaluation.accuracy)

    def _end(self, status: str, message: str | None = None) -> None:
        """Note how the run ended, unless that has been noted."""
        if self.status == "running":
            with suppress(OSError):  # the disk that failed is the one it would be written to
                self.record.end(status, message)

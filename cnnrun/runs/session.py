"""A training that writes to a run directory, which it alone may use meanwhile.

A session holds its run's lock from the moment it is opened until it is closed, so that no other
process changes what it reads and writes: the checkpoint it continues from, the training's files,
the test figure.

**The order of writes**, and what a run is if the process is killed, or the disk fails, behind each.
Every file and folder is written aside, synced and renamed, but for the log, which is appended to.

=====================================  ===========================================================
a new run                              if it ends here
=====================================  ===========================================================
`.NAME-xxxxxxxx.new/`                  there is no run; a later start removes this after an hour
`config.yaml`, `run.json`, `plugins/`  the same
renamed to `NAME-0001/`                a run without a checkpoint: a resume trains from the start
`checkpoints/last/`                    a resume goes on from there, whatever else is in the folder
-------------------------------------  -----------------------------------------------------------
after each epoch
-------------------------------------  -----------------------------------------------------------
a line of `layers.jsonl`               a resume cuts what lies behind `last`
a line of `digests.jsonl`              the same
a line of `metrics.jsonl`              `last` counts fewer bytes: the line, or its part, is cut, and
                                       the epoch repeated to the bit
a row of `results.csv`                 a resume makes the table of `metrics.jsonl`, once that is cut
`checkpoints/last/`                    the epoch is done; if it is the best one, `best` is behind,
                                       and a resume begins by writing it
`checkpoints/best/`, if it improved    the record is behind; a resume takes the figures from the log
                                       and from `last`
`run.json`                             all say the same
-------------------------------------  -----------------------------------------------------------
after the last epoch
-------------------------------------  -----------------------------------------------------------
`plots/curves.png`                     a resume draws it again, and measures the test figure
`run.json` with the test, `finished`   the run is done
-------------------------------------  -----------------------------------------------------------
a resume
-------------------------------------  -----------------------------------------------------------
`metrics.jsonl` is cut                 as before: what was cut did not count
`results.csv`, made of it              the same
`plugins/`, with new ones              as before: nothing refers to the copies
`configs/`, with the old `config.yaml` the same
`config.yaml`, with other epochs       as before, with so many epochs; a resume notes the segment
`run.json`, `running`                  as before
`checkpoints/last/`, and `best/` if    as before
it is due
=====================================  ===========================================================

So `last` alone decides where a run stands: the log is cut to it, `best`, the record and the curves
are made from it and the log. `checkpoints.py` says how one checkpoint takes the place of another. A
record that says `running` while nobody holds the lock is of a run that was killed: `Run.record`
calls it `stopped`.

tests/fuzz/test_faults.py kills the process, and lets the disk fail, at each of these steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Self

from filelock import BaseFileLock

from cnnrun.config import Experiment, describe_fault
from cnnrun.data import PreparedData, has_labels
from cnnrun.errors import DivergedError, RunError
from cnnrun.runs.divergence import require_finite_evaluation
from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.events import Event, FinalTest, TrainingFinished
from cnnrun.runs.folder import Run
from cnnrun.runs.model import Model, load_model
from cnnrun.runs.observers import (
    CheckpointWriter,
    CurvePlotter,
    DigestLog,
    EpochLog,
    LayerLog,
    RecordWriter,
    ResultsTable,
)
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.state import take_state
from cnnrun.runs.trainer import Trainer

__all__ = ["Session"]


class Session:
    """A training that writes to a run; it trains while `events` is iterated over.

    It lets go of the run's lock at the end of `events`, when it is closed (`with` does that), or
    when nothing refers to it any more.

    `tested` is the model that was measured on the test split and what it came to; None until then.

    The observers are called in an order: the logs first, because a resume cuts them to the
    checkpoint; then the checkpoints; then the curves, which are drawn from the log; the record
    last, because its status promises that the rest is on the disk.
    """

    def __init__(
        self,
        run: Run,
        trainer: Trainer,
        lock: BaseFileLock,
        document: dict[str, Any],
        log_size: int = 0,
    ) -> None:
        """Wire the observers to a training of a run whose `lock` is held.

        Args:
            run: its folder.
            trainer: where it stands.
            lock: on the run.
            document: the run's record.
            log_size: the bytes of its log that count; what a kill left behind them is cut.
        """
        self.run = run
        self.trainer = trainer
        self._lock = lock
        self.tested: tuple[Model, Evaluation] | None = None
        self.record = RecordWriter(run.record_file, document)
        log = EpochLog(run.log, log_size)
        every, network = document.get("check_every"), trainer.network
        self._observers = (
            LayerLog(run.layers, trainer.progress.step),
            DigestLog(run.digests, trainer.progress.step, every, network.state),
            log,
            ResultsTable(run),
            CheckpointWriter(run.checkpoint, lambda: take_state(trainer, log.size)),
            CurvePlotter(run, lambda: trainer.progress.best),
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

    def events(self, stop: StopRequest | None = None) -> Iterator[Event]:
        """Train, measure the best weights (or the last) on the test split, and tell what happens.

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
                fault = describe_fault(error)
                message = fault or f"{self.run.folder}: {error.strerror or error}"
                self._end("failed", message)
                if fault:  # a plug-in opened the file, not the run
                    raise
                raise RunError(message) from error
            except (GeneratorExit, KeyboardInterrupt):
                self._end("interrupted")
                raise
            except DivergedError as error:
                self._end("diverged", str(error))
                raise
            except Exception as error:
                self._end("failed", describe_fault(error) or f"{type(error).__name__}: {error}")
                raise

    def _happenings(self, stop: StopRequest) -> Iterator[Event]:
        event: Event | None = None
        for event in self.trainer.train(stop):
            yield event
        if isinstance(event, TrainingFinished):
            which = self.experiment.train.tested
            model = load_model(self.run, which)
            evaluation = model.measure(
                self.data.test, workers=self.trainer.workers, team=self.trainer.team
            )
            self.tested = model, evaluation
            require_finite_evaluation(
                evaluation,
                model.network,
                self.experiment.loss,
                self.data.test,
                f"on the test split, with the {which} weights",
            )
            summary = None if has_labels(self.data.task) else evaluation.figures.summary
            yield FinalTest(which, evaluation.loss, evaluation.accuracy, summary)

    def _end(self, status: str, message: str | None = None) -> None:
        """Note how the run ended, unless that has been noted."""
        if self.status == "running":
            with suppress(OSError):  # the disk that failed is the one it would be written to
                self.record.end(status, message)

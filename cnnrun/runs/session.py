"""A training with its run directory: started new, or resumed to the bit."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cnnrun.config import Experiment, build_network, dump_yaml, load_experiment
from cnnrun.data import PreparedData, Statistics, prepare
from cnnrun.errors import CheckpointError, RunError
from cnnrun.runs.checkpoints import (
    Checkpoint,
    has_checkpoint,
    read_checkpoint,
    write_checkpoint,
)
from cnnrun.runs.events import EpochFinished, Event, Stopped, TrainingFinished, TrainingStarted
from cnnrun.runs.files import sync_folder, write_durably
from cnnrun.runs.folder import Run, claim_run
from cnnrun.runs.plots import plot_curves
from cnnrun.runs.record import Recorder, environment, now
from cnnrun.runs.signals import StopRequest
from cnnrun.runs.trainer import Progress, Trainer

__all__ = ["Session", "resume_run", "start_run"]

CHECKPOINT_SECONDS = 10.0
"""Longest time between two checkpoints; when they come does not change the result."""


class Session:
    """A training that writes to a run; iterate over `events` to let it happen."""

    def __init__(self, run: Run, trainer: Trainer, recorder: Recorder) -> None:
        self.run = run
        self.trainer = trainer
        self.recorder = recorder
        self._log_bytes = 0
        self._saved_at = 0.0

    @property
    def experiment(self) -> Experiment:
        """What is trained."""
        return self.trainer.experiment

    @property
    def data(self) -> PreparedData:
        """What it is trained on."""
        return self.trainer.data

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go back to a checkpoint of this run, and cut what the log says after it.

        Raises:
            CheckpointError: it does not belong to this run.
        """
        trainer, state = self.trainer, checkpoint.state
        if state.get("dataset_sha256") != trainer.data.sha256:
            raise CheckpointError(
                f"{self.run.folder}: the data set is not the one this run was trained on "
                "(its SHA-256 differs)"
            )
        trainer.network.load_state(checkpoint.weights)
        own = trainer.optimizer_state
        if {k: (v.shape, v.dtype) for k, v in checkpoint.optimizer.items()} != {
            k: (v.shape, v.dtype) for k, v in own.items()
        }:
            raise CheckpointError(f"{self.run.folder}: the optimizer's state is of another kind")
        for name, array in own.items():
            array[...] = checkpoint.optimizer[name]
        try:
            trainer.progress = Progress(**state["progress"])
            self._log_bytes = int(state["log_bytes"])
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"{self.run.folder}: state.json is incomplete ({error})"
            ) from None
        if self.run.metrics.exists():
            os.truncate(self.run.metrics, min(self._log_bytes, self.run.metrics.stat().st_size))

    def events(self, stop: StopRequest | None = None) -> Iterator[Event]:
        """Train, and tell what happens; every event has been written down when it is told.

        Raises:
            DivergedError: a loss or gradient is not finite.
            RunError: the run cannot be written to.
        """
        with self.run.locked():
            try:
                for event in self.trainer.train(StopRequest() if stop is None else stop):
                    self._note(event)
                    yield event
            except OSError as error:
                message = f"{self.run.folder}: {error.strerror or error}"
                self._try_to_end("failed", message)
                raise RunError(message) from error
            except Exception as error:
                if self.recorder.document["status"] == "running":
                    self._try_to_end("failed", f"{type(error).__name__}: {error}")
                raise

    def _note(self, event: Event) -> None:
        """Write down what happened: the log first, then checkpoints, then the record."""
        if isinstance(event, EpochFinished):
            line = json.dumps({"kind": "epoch", **event.metrics.to_json()}, allow_nan=False)
            with self.run.metrics.open("ab") as file:
                file.write(f"{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
                self._log_bytes = file.tell()
            if event.improved:
                self._save("best")
            self._save("last")
        elif isinstance(event, TrainingStarted | Stopped):
            self._save("last")
        elif isinstance(event, TrainingFinished):
            title = self.run.name
            plot_curves(self.run.read_metrics(), title, self.run.plots / "curves.png")
        elif time.monotonic() - self._saved_at > CHECKPOINT_SECONDS:
            self._save("last")
        self.recorder(event)

    def _save(self, which: str) -> None:
        trainer = self.trainer
        state = {
            "progress": asdict(trainer.progress),
            "log_bytes": self._log_bytes,
            "dataset_sha256": trainer.data.sha256,
            "statistics": trainer.data.statistics.to_json(),
            "image_shape": list(trainer.data.info.image_shape),
            "class_names": list(trainer.data.info.class_names),
        }
        write_checkpoint(
            self.run.checkpoint(which),
            Checkpoint(trainer.network.state(), trainer.optimizer_state, state),
        )
        self._saved_at = time.monotonic()

    def _try_to_end(self, status: str, message: str) -> None:
        with suppress(OSError):  # the disk that failed is the one it would be written to
            self.recorder.end(status, message)


def start_run(
    experiment: Experiment, runs_dir: Path, *, workers: int, command: Sequence[str] = ()
) -> Session:
    """Claim a run directory and return a training that has not begun.

    Args:
        experiment: what to train.
        runs_dir: where the run's directory is created.
        workers: threads; the result does not depend on them.
        command: the command line, for the record.

    Raises:
        CnnrunError: the data cannot be used, or no directory can be created. Nothing is left then.
    """
    data = prepare(experiment.data, experiment.seed, experiment.base)
    run = claim_run(runs_dir, experiment.name)
    try:
        write_durably(run.config, dump_yaml(experiment).encode())
        sync_folder(run.folder)
        return _session(run, experiment, data, workers, command)
    except OSError as error:
        raise RunError(f"{run.folder}: {error.strerror or error}") from None


def resume_run(
    run: Run, *, workers: int, epochs: int | None = None, command: Sequence[str] = ()
) -> Session:
    """Return a training that goes on where the run's last checkpoint stands.

    More `epochs` than before extend the run; a schedule that depends on their number then follows
    the new one.

    Raises:
        RunError: the run is finished, or cannot be written to.
        CheckpointError: the checkpoint is damaged or of another experiment or data set.
    """
    experiment = load_experiment(run.config)
    if epochs is not None and epochs != experiment.train.epochs:
        experiment = replace(experiment, train=replace(experiment.train, epochs=epochs))
    checkpoint = None
    statistics = None
    if has_checkpoint(run.checkpoint("last")):
        checkpoint = read_checkpoint(run.checkpoint("last"))
        done = checkpoint.state.get("progress", {}).get("epoch", 0)
        if done >= experiment.train.epochs:
            raise RunError(
                f"{run.folder}: all {done} epochs are done; give more with --epochs to go on"
            )
        statistics = Statistics.from_json(checkpoint.state["statistics"])
    with run.locked():  # nothing is changed while another process trains
        data = prepare(experiment.data, experiment.seed, experiment.base, statistics=statistics)
        session = _session(run, experiment, data, workers, command)
        if checkpoint:
            session.restore(checkpoint)
        elif run.metrics.exists():
            run.metrics.unlink()
        if epochs is not None:
            write_durably(run.config, dump_yaml(experiment).encode())
    return session


def _session(
    run: Run,
    experiment: Experiment,
    data: PreparedData,
    workers: int,
    command: Sequence[str],
) -> Session:
    """Return a session whose record says that it runs."""
    network = build_network(experiment, data.info)
    trainer = Trainer(experiment, data, network, workers)
    document: dict[str, Any] = {
        "schema_version": 1,
        "name": experiment.name,
        "status": "running",
        "started": now(),
        "finished": None,
        "error": None,
        "seconds": 0.0,
        "final": None,
        "best": None,
        "resumed": 0,
    }
    if (run.folder / "run.json").exists():
        before = run.read_record()
        document.update({key: before.get(key, value) for key, value in document.items()})
        document.update(status="running", error=None, resumed=document["resumed"] + 1)
    document.update(
        command=list(command),
        seed=experiment.seed,
        workers=workers,
        dataset={"name": data.info.name, "sha256": data.sha256},
        parameters=network.parameter_count,
        **environment(),
    )
    return Session(run, trainer, Recorder(run, document))

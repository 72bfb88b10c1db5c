"""Opens a training: of a new run, or of one that goes on from its last checkpoint, to the bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import BaseFileLock

from cnnrun.config import Experiment, build_network, dump_yaml, load_experiment
from cnnrun.data import PreparedData, Statistics, prepare
from cnnrun.errors import RunError
from cnnrun.runs.checkpoints import Checkpoint, has_checkpoint
from cnnrun.runs.environment import default_workers, environment, now
from cnnrun.runs.files import sync_folder, write_durably
from cnnrun.runs.folder import Run, claim_run
from cnnrun.runs.session import Session
from cnnrun.runs.state import read_training
from cnnrun.runs.trainer import Trainer

__all__ = ["resume_run", "start_run"]


def start_run(
    experiment: Experiment,
    runs_dir: Path = Path("runs"),
    *,
    workers: int | None = None,
    command: Sequence[str] = (),
) -> Session:
    """Claim a run directory and return a training that has not begun.

    Args:
        experiment: what to train.
        runs_dir: where the run's directory is created.
        workers: parts of a batch computed at once, by default as many as there are processors; the
            result does not depend on them.
        command: the command line, for the record.

    Raises:
        CnnrunError: the data cannot be used, or no directory can be created. Nothing is left then.
    """
    data = prepare(experiment.data, experiment.seed, experiment.base)
    run = claim_run(runs_dir, experiment.name)
    with _held(run) as lock:
        write_durably(run.config, dump_yaml(experiment).encode())
        sync_folder(run.folder)
        return _session(run, lock, experiment, data, workers, command)


def resume_run(
    run: Run, *, workers: int | None = None, epochs: int | None = None, command: Sequence[str] = ()
) -> Session:
    """Return a training that goes on where the run's last checkpoint stands.

    More `epochs` than before extend the run; a schedule that depends on their number then follows
    the new one.

    Raises:
        RunError: another process trains the run, it is finished, or it cannot be written to.
        CheckpointError: the checkpoint is damaged or of another experiment or data set.
    """
    with _held(run) as lock:  # whatever is read from here on, nobody else changes
        experiment = load_experiment(run.config)
        if epochs is not None and epochs != experiment.train.epochs:
            experiment = replace(experiment, train=replace(experiment.train, epochs=epochs))
        checkpoint, statistics = None, None
        if has_checkpoint(run.checkpoint("last")):
            checkpoint = read_training(run.checkpoint("last"))
            _refuse_if_done(run, checkpoint, experiment.train.epochs)
            statistics = Statistics.from_json(checkpoint.state["statistics"])
        data = prepare(experiment.data, experiment.seed, experiment.base, statistics=statistics)
        if checkpoint is None and run.log.exists():
            run.log.unlink()
        session = _session(run, lock, experiment, data, workers, command)
        if checkpoint:
            session.restore(checkpoint)
        if epochs is not None:
            write_durably(run.config, dump_yaml(experiment).encode())
        return session


@contextmanager
def _held(run: Run) -> Iterator[BaseFileLock]:
    """Lock a run, for longer than the body, which makes a session of it; if it fails, let go."""
    lock = run.lock()
    try:
        yield lock
    except OSError as error:
        lock.release()
        raise RunError(f"{run.folder}: {error.strerror or error}") from None
    except BaseException:
        lock.release()
        raise


def _refuse_if_done(run: Run, checkpoint: Checkpoint, epochs: int) -> None:
    """Raise RunError if nothing is left to do; a run that stopped before its test is not done."""
    progress = checkpoint.state.get("progress", {})
    done = progress.get("epoch", 0)
    if done < epochs:
        return
    only_the_test_is_left = (done, progress.get("batch")) == (epochs, 0) and (
        run.record.get("status") != "finished"
    )
    if not only_the_test_is_left:
        raise RunError(
            f"{run.folder}: all {done} epochs are done; give more with --epochs to go on"
        )


def _session(
    run: Run,
    lock: BaseFileLock,
    experiment: Experiment,
    data: PreparedData,
    workers: int | None,
    command: Sequence[str],
) -> Session:
    """Return a session whose record says that it runs."""
    network = build_network(experiment, data.info)
    trainer = Trainer(experiment, data, network, workers or default_workers())
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
    if run.record_file.exists():
        before = run.record
        document.update({key: before.get(key, value) for key, value in document.items()})
        document.update(status="running", error=None, resumed=document["resumed"] + 1)
    document.update(
        command=list(command),
        seed=experiment.seed,
        workers=trainer.workers,
        dataset={"name": data.info.name, "sha256": data.sha256},
        parameters=network.parameter_count,
        **environment(),
    )
    return Session(run, trainer, lock, document)

"""Opens a training: a new run, or one that continues from its last checkpoint, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filelock import BaseFileLock

from cnnrun.config import Experiment, build_network, describe_fault, dump_yaml, loaded_plugins
from cnnrun.data import PreparedData, Statistics, has_labels, prepare
from cnnrun.errors import DataError, RunError
from cnnrun.runs.checkpoints import Checkpoint, has_checkpoint
from cnnrun.runs.choosing import metric_key
from cnnrun.runs.claiming import claim_run
from cnnrun.runs.environment import earlier_environments, environment, now
from cnnrun.runs.files import dump_json, replace_file
from cnnrun.runs.folder import Run, date_last
from cnnrun.runs.moved import experiment_of, prepare_data
from cnnrun.runs.segments import keep_configuration, keep_plugins, list_segments
from cnnrun.runs.session import Session
from cnnrun.runs.state import read_training, restore_state
from cnnrun.runs.stopping import go_on, has_stopped
from cnnrun.runs.team import Team
from cnnrun.runs.trainer import Trainer
from cnnrun.runs.weighing import weighed

__all__ = ["resume_run", "start_run"]


def start_run(
    experiment: Experiment,
    runs_dir: Path = Path("runs"),
    *,
    workers: int | None = None,
    check_every: int | None = None,
    command: Sequence[str] = (),
    notes: Mapping[str, Any] | None = None,
    team: Team | None = None,
) -> Session:
    """Claim a run directory and return a training that has not begun.

    Args:
        experiment: what to train.
        runs_dir: where the run's directory is created.
        workers: parts of a batch computed at once, by default as many as there are processors; the
            result does not depend on them.
        check_every: keep digests of the weights every so many steps, not at every epoch alone.
        command: the command line, for the record.
        notes: what else the record says.
        team: the ranks that train it together, of which this one leads.

    Raises:
        CnnrunError: the data cannot be used, or no directory can be created. There is no run then.
    """
    data = prepare(experiment.data, experiment.seed, experiment.base)
    experiment = replace(experiment, loss=weighed(experiment.loss, data))
    trainer = _trainer(experiment, data, workers, team)
    configuration = _configuration(experiment)
    document = _record(trainer, command, configuration, {})
    document.update(notes or {}, check_every=check_every)
    run = claim_run(
        runs_dir,
        experiment.name,
        {
            "config.yaml": configuration,
            "run.json": f"{dump_json(document)}\n".encode(),
            **{
                str(Run(Path()).kept_plugin(plugin.name, plugin.sha256)): plugin.source
                for plugin in loaded_plugins()
            },
        },
    )
    with _held(run) as lock:
        return Session(run, trainer, lock, document)


def resume_run(
    run: Run,
    *,
    workers: int | None = None,
    epochs: int | None = None,
    command: Sequence[str] = (),
    team: Team | None = None,
) -> Session:
    """Return a training that goes on where the run's last checkpoint stands.

    More `epochs` than before extend the run; a schedule that depends on their number then follows
    the new one. A run that has stopped early goes on only if `epochs` are given, more than are
    done; its patience then begins anew. The ranks of a `team` may be as many as they were, or not.

    Raises:
        RunError: another process trains the run, it is finished, or it cannot be written to.
        CheckpointError: the checkpoint is damaged or of another experiment or data set.
    """
    with _held(run) as lock:  # whatever is read from here on, nobody else changes
        experiment = experiment_of(run)
        if epochs is not None and epochs != experiment.train.epochs:
            experiment = replace(experiment, train=replace(experiment.train, epochs=epochs))
        before = run.record if run.record_file.exists() else {}
        checkpoint, statistics, log_size = None, None, 0
        if has_checkpoint(run.checkpoint("last")):
            checkpoint = read_training(run.checkpoint("last"))
            _refuse_if_done(run, before, checkpoint, experiment.train.epochs, epochs is not None)
            statistics = Statistics.from_json(checkpoint.state["statistics"])
        data = prepare_data(experiment, statistics)
        trainer = _trainer(experiment, data, workers, team)
        if checkpoint:
            log_size = restore_state(trainer, checkpoint, str(run.folder))
        goes_on = epochs is not None and has_stopped(trainer.progress.stopping)
        if goes_on:
            go_on(trainer.progress.stopping)
        old = run.config.read_bytes()
        configuration = old if epochs is None else _configuration(experiment)
        document = _record(trainer, command, configuration, before, goes_on=goes_on)
        # Nothing has been written so far.
        session = Session(run, trainer, lock, document, log_size)
        keep_plugins(run, loaded_plugins())
        if configuration != old:
            keep_configuration(run, document["segments"], old)
            replace_file(run.config, configuration)
            date_last(run.config, run.folder.parent)
        session.record.note(**_figures(run, trainer))
        return session


@contextmanager
def _held(run: Run) -> Iterator[BaseFileLock]:
    """Lock a run; the session that the body makes keeps the lock, which is released on an error."""
    lock = run.lock()
    try:
        yield lock
    except OSError as error:
        lock.release()
        if describe_fault(error):  # a plug-in opened the file, not the run
            raise
        raise RunError(f"{run.folder}: {error.strerror or error}") from None
    except BaseException:
        lock.release()
        raise


def _refuse_if_done(
    run: Run, record: dict[str, Any], checkpoint: Checkpoint, epochs: int, are_given: bool
) -> None:
    """Raise RunError if nothing is left to do; a run that stopped before its test is not done.

    `are_given` says whether the epochs were asked for now, which a run that stopped early needs.
    """
    progress = checkpoint.state.get("progress", {})
    done, stopped = progress.get("epoch", 0), has_stopped(progress.get("stopping", {}))
    if done < epochs and (are_given or not stopped):
        return
    is_at_end = (done, progress.get("batch")) == (epochs, 0) or (stopped and not are_given)
    only_the_test_is_left = is_at_end and not (
        record.get("status") == "finished" and record.get("test")
    )
    if not only_the_test_is_left:
        if stopped and done < epochs:
            raise RunError(
                f"{run.folder}: training stopped early, after epoch {done} of {epochs}; "
                "--epochs N goes on, to N in all, and waits anew for an improvement"
            )
        raise RunError(
            f"{run.folder}: all {done} epochs are done; give more with --epochs to go on"
        )


def _trainer(
    experiment: Experiment, data: PreparedData, workers: int | None, team: Team | None
) -> Trainer:
    network = build_network(experiment, data.info)
    _require_fitting_numbers(experiment, data)
    team = team or Team()
    return Trainer(experiment, data, network, team.workers(workers), team)


def _require_fitting_numbers(experiment: Experiment, data: PreparedData) -> None:
    """Refuse the numbers of a regression that a loss of probabilities cannot take.

    Raises:
        DataError: one is outside [0, 1].
    """
    loss = experiment.loss
    if data.task != "regression" or loss.activation != "sigmoid":
        return
    for samples in filter(None, (data.train, data.val, data.test)):
        for name, values in zip(data.info.class_names, samples.labels.T, strict=True):
            if values.min() < 0 or values.max() > 1:
                raise DataError(
                    f"{data.info.name}: {name} reaches from {values.min():g} to {values.max():g}, "
                    f"but {loss.type_name} takes targets from 0 to 1; mse takes any number"
                )


def _configuration(experiment: Experiment) -> bytes:
    """Return a run's `config.yaml`; it names no plug-ins, so that reading a run imports none."""
    return dump_yaml(replace(experiment, plugins=())).encode()


def _record(
    trainer: Trainer,
    command: Sequence[str],
    configuration: bytes,
    before: dict[str, Any],
    *,
    goes_on: bool = False,
) -> dict[str, Any]:
    """Return the record of a run that is trained now.

    Args:
        trainer: where it stands.
        command: the command line.
        configuration: what it is trained with.
        before: what the record was, if the run is resumed.
        goes_on: whether it had stopped early, and does not stay there.
    """
    experiment, data = trainer.experiment, trainer.data
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
    surroundings = environment()
    if before:
        if earlier := earlier_environments(before, surroundings):
            document["earlier_environments"] = earlier
        kept = (
            "started", "resumed", "check", "gradcheck", "check_every", "reproduces", "group",
            "sweep",
        )  # fmt: skip
        document.update({key: before[key] for key in kept if key in before})
        document["resumed"] += 1
    document.update(
        command=list(command),
        segments=list_segments(
            before.get("segments", []),
            trainer.progress,
            configuration,
            loaded_plugins(),
            command,
            goes_on=goes_on,
        ),
        seed=experiment.seed,
        workers=trainer.workers,
        dataset={"name": data.info.name, "sha256": data.sha256},
        chosen_by=metric_key(
            experiment.train.chosen_by,
            is_validated=data.val is not None,
            is_labelled=has_labels(data.task),
        ),
        parameters=trainer.network.parameter_count,
        **surroundings,
    )
    return document


def _figures(run: Run, trainer: Trainer) -> dict[str, Any]:
    """Return what a record says of the epochs so far: what the checkpoint and the log say.

    The record itself may be an epoch behind them.
    """
    last, seconds = None, 0.0
    for epoch in run.epochs():
        last, seconds = epoch, seconds + epoch["seconds"]
    final = last and {key: value for key, value in last.items() if key != "kind"}
    return {"final": final, "best": trainer.progress.best, "seconds": seconds}

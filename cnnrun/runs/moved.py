"""A run's data where they are now: `--data-root OLD=NEW`, or a message that names it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cnnrun.config import Experiment
from cnnrun.data import PreparedData, Statistics, prepare
from cnnrun.errors import DataError, RunError
from cnnrun.runs.folder import Run
from cnnrun.runs.plugins import load_run_experiment

__all__ = ["experiment_of", "prepare_data"]


def experiment_of(run: Run, file: Path | None = None) -> Experiment:
    """Return a run's experiment, with its data where `run.data_roots` say that they are.

    Args:
        run: it.
        file: one of its configurations, by default the current one.

    Raises:
        ConfigError: the run's configuration is damaged, or a plug-in that it needs is missing.
        RunError: its data were below none of the folders that are said to have moved.
    """
    experiment = load_run_experiment(run, file, check_network=False)
    if not run.data_roots:
        return experiment
    path = _path(experiment)
    if path is None:
        name = experiment.data.dataset.type_name
        raise RunError(f"{run.folder}: --data-root: its data, {name}, are not files of yours")
    for old, new in run.data_roots:
        before, after = (Path(folder).expanduser().absolute() for folder in (old, new))
        if path.is_relative_to(after):  # a resume with other epochs has written that down
            return experiment
        if path.is_relative_to(before):
            now = str(after / path.relative_to(before))
            dataset = replace(experiment.data.dataset, path=now)  # type: ignore[call-arg]
            return replace(experiment, data=replace(experiment.data, dataset=dataset))
    given = ", ".join(f"{old}={new}" for old, new in run.data_roots)
    raise RunError(f"{run.folder}: --data-root {given}: its data were at {path}, not below that")


def prepare_data(experiment: Experiment, statistics: Statistics | None = None) -> PreparedData:
    """Load the data of a run, normalised as in training.

    Raises:
        DataError: they cannot be used; if they are not there, the message says how to say where.
    """
    try:
        return prepare(experiment.data, experiment.seed, experiment.base, statistics=statistics)
    except DataError as error:
        path = _path(experiment)
        if path is None or path.exists():
            raise
        raise DataError(
            f"{error}; the run's data were there. If they have moved: "
            f"--data-root {path.parent}=NEW, where NEW is their folder now"
        ) from None


def _path(experiment: Experiment) -> Path | None:
    """Return where an experiment's data are, if they are files of the user's."""
    path = getattr(experiment.data.dataset, "path", None)
    return None if path is None else (experiment.base / Path(path).expanduser()).absolute()

"""Trains a group of runs, seed by seed: a new group, or what is left of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cnnrun.config import Experiment, load_experiment
from cnnrun.errors import DivergedError
from cnnrun.runs.events import Event
from cnnrun.runs.folder import Run
from cnnrun.runs.groups import Group, claim_group, find_group
from cnnrun.runs.locking import hold
from cnnrun.runs.opening import resume_run, start_run
from cnnrun.runs.session import Session
from cnnrun.runs.signals import StopRequest

__all__ = ["group_sessions", "load_group", "resume_seeds", "train_seeds"]


def train_seeds(
    experiment: Experiment | Path | str,
    seeds: int | Sequence[int] = 5,
    runs_dir: Path | str = "runs",
    *,
    workers: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    stop: StopRequest | None = None,
) -> Group:
    """Train an experiment with several seeds; return the group of runs.

    A run that diverges is left as it is, and the others are trained.

    Args:
        experiment: what to train, or its configuration file; its own seed is not used.
        seeds: which, or how many: 5 stands for 0, 1, 2, 3, 4.
        runs_dir: where the folders of the group and its runs are created.
        workers: as `train` takes them.
        on_event: called with everything that happens.
        stop: set its `signal` to stop the whole group after the step at hand.

    Raises:
        CnnrunError: the configuration is wrong, the data cannot be used, or a run cannot be written
            to.
    """
    loaded = experiment if isinstance(experiment, Experiment) else load_experiment(experiment)
    numbers = range(seeds) if isinstance(seeds, int) else seeds
    group = claim_group(loaded, tuple(numbers), Path(runs_dir))
    return _to_the_end(group, workers, on_event, stop)


def resume_seeds(
    group: Group | str = "last",
    runs_dir: Path | str = "runs",
    *,
    seeds: Sequence[int] = (),
    workers: int | None = None,
    on_event: Callable[[Event], None] | None = None,
    stop: StopRequest | None = None,
) -> Group:
    """Go on with a group: resume the run that was stopped, and train those that are missing.

    Args:
        group: it, its name or folder, or `last`.
        runs_dir: where a group of that name is looked for.
        seeds: that it is to have too.
        workers: as `train` takes them.
        on_event: called with everything that happens.
        stop: set its `signal` to stop after the step at hand.

    Raises:
        RunError: there is no such group, or another process trains it.
    """
    opened = find_group(group, Path(runs_dir)) if isinstance(group, str) else group
    return _to_the_end(opened.with_seeds(seeds), workers, on_event, stop)


def load_group(name: str | Path = "last", runs_dir: Path | str = "runs") -> Group:
    """Return a group of runs by its directory, its name in `runs_dir`, or `last`.

    Raises:
        RunError: there is none; the message says what there is.
    """
    return find_group(str(name), Path(runs_dir))


def group_sessions(
    group: Group, *, workers: int | None = None, command: Sequence[str] = ()
) -> Iterator[Session]:
    """Yield a session for every run of a group that is not done, each when the one before is over.

    Whoever gets a session trains it to its end; after one that was interrupted there is no other.

    Raises:
        RunError: another process trains the group.
    """
    lock = hold(group.folder)
    try:
        runs = group.runs
        for seed in group.seeds:
            run = runs.get(seed)
            if run is not None and _is_done(run):
                continue
            if run is not None:
                session = resume_run(run, workers=workers, command=command)
            else:
                session = start_run(
                    group.experiment(seed),
                    group.folder.parent,
                    workers=workers,
                    command=command,
                    notes={"group": group.name},
                )
            with session:
                yield session
            if session.status not in ("finished", "diverged"):
                return
    finally:
        lock.release()


def _is_done(run: Run) -> bool:
    record = run.record
    return record["status"] == "diverged" or bool(
        record["status"] == "finished" and record.get("test")
    )


def _to_the_end(
    group: Group,
    workers: int | None,
    on_event: Callable[[Event], None] | None,
    stop: StopRequest | None,
) -> Group:
    for session in group_sessions(group, workers=workers):
        with suppress(DivergedError):
            for event in session.events(stop):
                if on_event is not None:
                    on_event(event)
    return group

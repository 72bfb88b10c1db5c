"""The functions behind `cnnrun sweep`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cnnrun.config import load_plugins
from cnnrun.runs import StopRequest
from cnnrun.sweeps.jobs import work_together
from cnnrun.sweeps.plan import load_plan
from cnnrun.sweeps.reconcile import reconcile
from cnnrun.sweeps.status import SweepStatus, status_of
from cnnrun.sweeps.storage import default_url, require_optuna
from cnnrun.sweeps.study import Sweep, create_sweep, open_sweep
from cnnrun.sweeps.worker import work

__all__ = ["carry_out", "find_sweep", "join_sweep", "start_sweep", "sweep"]


def sweep(
    file: Path | str,
    overrides: Sequence[str] = (),
    runs_dir: Path | str = "runs",
    *,
    storage: str | None = None,
    jobs: int = 1,
    workers: int | None = None,
    plugins: Sequence[Path | str] = (),
    on_change: Callable[[Sweep], None] | None = None,
    stop: StopRequest | None = None,
    **options: Any,
) -> SweepStatus:
    """Carry out a sweep, or go on with it; return how it stands then.

    Args:
        file: `sweep.yaml`, or a configuration of which `overrides` say what is varied.
        overrides: `KEY=V1,V2` and `KEY={log: [a, b]}` are tried, `KEY=VALUE` is set.
        runs_dir: where the folders of runs are created.
        storage: its URL; by default `sqlite:///RUNS/sweeps/NAME.db`.
        jobs: processes on this machine.
        workers: of each training, as `train` takes them.
        plugins: Python files with parts that the configuration names.
        on_change: called with the sweep when something may have changed.
        stop: set its `signal` to stop after the step at hand; the same call goes on.
        options: instead of what the file says: `name`, `trials`, `sampler`, `seeds`, ...

    Raises:
        CnnrunError: the sweep, or a trial's configuration, is wrong, or the storage is away.
    """
    begun = start_sweep(file, overrides, runs_dir, storage=storage, plugins=plugins, **options)
    carry_out(begun, runs_dir, jobs, workers, on_change, stop)
    return status_of(begun)


def start_sweep(
    file: Path | str,
    overrides: Sequence[str] = (),
    runs_dir: Path | str = "runs",
    *,
    storage: str | None = None,
    plugins: Sequence[Path | str] = (),
    **options: Any,
) -> Sweep:
    """Make a sweep in its storage, or open the one that is there; arguments as `sweep` takes them.

    Raises:
        CnnrunError: the sweep is wrong, another one has its name, or the storage is away.
    """
    require_optuna()
    plan, needed = load_plan(file, overrides, options=options, plugins=plugins)
    begun = create_sweep(plan, storage or default_url(plan.name, Path(runs_dir)))
    begun.plugins = needed
    begun.go_on()
    reconcile(begun, begun.trials())  # before others join, who would all queue the same points
    return begun


def join_sweep(
    storage: str,
    name: str,
    runs_dir: Path | str = "runs",
    *,
    jobs: int = 1,
    workers: int | None = None,
    plugins: Sequence[Path | str] = (),
    on_change: Callable[[Sweep], None] | None = None,
    stop: StopRequest | None = None,
) -> SweepStatus:
    """Help with a sweep that is in a storage, from any machine; return how it stands then.

    Args:
        storage: its URL.
        name: of the sweep.
        runs_dir: where the folders of runs are created.
        jobs: processes on this machine.
        workers: of each training, as `train` takes them.
        plugins: Python files with parts that its configuration names.
        on_change: called with the sweep when something may have changed.
        stop: set its `signal` to stop after the step at hand.

    Raises:
        CnnrunError: there is no such sweep, it was stopped, or a trial's configuration is wrong.
    """
    joined = find_sweep(name, runs_dir, storage=storage, plugins=plugins)
    joined.require_going()
    carry_out(joined, runs_dir, jobs, workers, on_change, stop)
    return status_of(joined)


def find_sweep(
    name: str,
    runs_dir: Path | str = "runs",
    *,
    storage: str | None = None,
    plugins: Sequence[Path | str] = (),
) -> Sweep:
    """Return a sweep by its name; the plug-ins are imported.

    Raises:
        CnnrunError: there is none, or the storage is away.
    """
    load_plugins(plugins)
    opened = open_sweep(storage or default_url(name, Path(runs_dir)), name)
    opened.plugins = plugins
    return opened


def carry_out(
    begun: Sweep,
    runs_dir: Path | str,
    jobs: int = 1,
    workers: int | None = None,
    on_change: Callable[[Sweep], None] | None = None,
    stop: StopRequest | None = None,
) -> None:
    """Carry out trials in this process, or in several, until the sweep is done or stopped.

    Raises:
        CnnrunError: a trial's configuration is wrong, or a process cannot go on.
    """

    def changed() -> None:
        if on_change is not None:
            on_change(begun)

    folder = Path(runs_dir)
    if jobs == 1:
        work(begun, folder, workers=workers, stop=stop, on_change=changed)
    else:
        work_together(begun, folder, jobs, workers=workers, stop=stop, on_change=changed)

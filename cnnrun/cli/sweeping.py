"""Shows a sweep as it goes: a table that stays up to date on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from cnnrun.cli.output import message
from cnnrun.cli.tables import figure, print_table, print_text, share
from cnnrun.untrusted import visible

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from cnnrun.sweeps import Sweep, SweepStatus
    from cnnrun.sweeps.trials import TrialView

__all__ = ["SweepProgress", "print_sweep"]

LOOK_SECONDS = 0.7
"""Between two looks at the storage, which cost it something."""
ROOM = 8
"""Lines of a terminal that the table leaves."""
BEST = 10


class SweepProgress:
    """Shows how a sweep stands, on stderr; use it with `with`."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self._live: Live | None = None
        self._said: set[int] = set()
        self._looked = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def __call__(self, sweep: Sweep) -> None:
        """Show a sweep, unless it was shown a moment ago."""
        if not self.quiet and time.monotonic() - self._looked > LOOK_SECONDS:
            self.show(sweep)
            self._looked = time.monotonic()

    def show(self, sweep: Sweep) -> None:
        """Show a sweep now."""
        from cnnrun.sweeps import status_of

        if self.quiet:
            return
        status = status_of(sweep)
        if sys.stderr.isatty():
            self._draw(status)
            return
        for point, trial in sorted(status.trials.items()):
            if trial.status not in ("waiting", "running") and point not in self._said:
                self._said.add(point)
                message(_line(status, trial))

    def _draw(self, status: SweepStatus) -> None:
        from rich.console import Console
        from rich.live import Live

        if self._live is None:
            self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(_table(status, self._live.console.height - ROOM), refresh=True)


def print_sweep(status: SweepStatus, most: int = BEST) -> None:
    """Print how a sweep stands on stdout: its best trials, and what else there is."""
    ranked = status.ranked
    others = [one for one in status.trials.values() if one.status in ("running", "failed")]
    shown = [*ranked[:most], *others[:most]]
    names = _names(status.keys)
    columns = ["point", "status", *names, status.metric.replace("_", " "), "epochs", "s", "run"]
    rows = [_row(status, trial) for trial in shown]
    title = f"{status.name}: {_counts(status)}"
    if rows:
        print_table(title, columns, rows, left=["status", "run", *names])
    else:
        print_text(title)
    if len(ranked) > most:
        print_text(f"the {most} best of {len(ranked)}; --json has all")
    if status.best is not None:
        print_text(f"best: point {status.best.point}, {status.metric} "
                   f"{_figure(status, status.best.value)}; {_settings(status.best)}")  # fmt: skip
    for trial in others:
        if trial.error:
            print_text(f"point {trial.point} failed: {trial.error}")
    if status.stop_reason:
        print_text(f"stopped: {status.stop_reason}")


def _counts(status: SweepStatus) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in status.counts.items())
    return f"{status.points} points, {counts}"


def _table(status: SweepStatus, room: int) -> Table:
    """Return the running trials, the best ones, and those that ended last, as far as they fit."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    names = _names(status.keys)
    made = Table(box=SIMPLE_HEAD, title=visible(f"{status.name}: {_counts(status)}"))
    columns = ["point", "status", *names, status.metric.replace("_", " "), "epochs", "s"]
    for column in columns:
        made.add_column(visible(column), justify="left" if column == "status" else "right")
    running = [one for one in status.trials.values() if one.status == "running"]
    others = sorted(
        (one for one in status.trials.values() if one.status in ("pruned", "failed")),
        key=lambda one: -one.number,
    )
    best = status.best
    for trial in [*running, *status.ranked, *others][: max(room, 3)]:
        style = {"running": "cyan", "pruned": "dim", "failed": "red"}.get(trial.status, "")
        made.add_row(
            *map(visible, _row(status, trial)[:-1]), style="bold green" if trial is best else style
        )
    return made


def _row(status: SweepStatus, trial: TrialView) -> list[str]:
    runs = ", ".join(str(run["folder"]).rpartition("/")[2] for run in trial.runs)
    return [
        str(trial.point),
        trial.status,
        *(_value(trial.settings.get(key)) for key in status.keys),
        _figure(status, trial.value),
        str(max(trial.epochs, default=0)),
        figure(trial.seconds, 1),
        runs or "-",
    ]


def _line(status: SweepStatus, trial: TrialView) -> str:
    value = f"{status.metric} {_figure(status, trial.value)}"
    is_best = "  best" if status.best is not None and trial is status.best else ""
    said = trial.error if trial.status == "failed" and trial.error else value
    seconds = f"{trial.seconds:.1f} s" if trial.seconds is not None else ""
    return f"point {trial.point}  {_settings(trial)}  {trial.status}  {said}  {seconds}{is_best}"


def _settings(trial: TrialView) -> str:
    return " ".join(f"{key}={_value(value)}" for key, value in trial.settings.items())


def _names(keys: Sequence[str]) -> list[str]:
    """Return the last word of each key, or the whole key where two have the same."""
    last = [key.rpartition(".")[2] for key in keys]
    return [word if last.count(word) == 1 else key for key, word in zip(keys, last, strict=True)]


def _figure(status: SweepStatus, value: float | None) -> str:
    is_share = status.metric.endswith("accuracy") or status.metric == "val_exact_match"
    return share(value) if is_share else figure(value)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else str(value)

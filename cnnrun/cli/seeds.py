"""`cnnrun train --seeds`: trains a group of runs, and shows what came of it."""

from __future__ import annotations

import atexit
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cnnrun.cli.output import message, print_json
from cnnrun.cli.progress import Progress
from cnnrun.cli.tables import figure, print_table, print_text, share

if TYPE_CHECKING:
    from cnnrun.runs import Group
    from cnnrun.statistics import Interval

__all__ = ["open_group", "print_group", "read_seeds", "train_group"]


def read_seeds(text: str) -> list[int]:
    """Return the seeds of `--seeds`: `3` stands for 0, 1 and 2; `0,7` and `7,` list them."""
    words = text.removesuffix(",").split(",")
    if not all(word.strip().isdecimal() and len(word.strip()) < 10 for word in words):
        raise typer.BadParameter(
            f"{text}: give how many, such as 5, or which, such as 0,1,2", param_hint="--seeds"
        )
    numbers = [int(word) for word in words]
    if "," in text:
        return numbers
    if not 1 <= numbers[0] <= 1000:
        raise typer.BadParameter(f"{text}: 1 to 1000 of them; one by its number: {text},",
                                 param_hint="--seeds")  # fmt: skip
    return list(range(numbers[0]))


def open_group(name: str, runs_dir: Path, seeds: list[int], plugins: list[Path] | None) -> Group:
    """Return a group to go on with, with these seeds too; its plug-ins are imported."""
    from cnnrun.config import load_plugin
    from cnnrun.runs import find_group
    from cnnrun.runs.plugins import import_plugins

    group = find_group(name, runs_dir)
    for run in group.runs.values():
        import_plugins(run, plugins or [])
        break
    else:
        for plugin in plugins or []:
            load_plugin(plugin)
    return group.with_seeds(seeds)


def train_group(group: Group, workers: int | None, *, json: bool, quiet: bool) -> None:
    """Train what is left of a group, and show its figures.

    Raises:
        typer.Exit: it was interrupted, or a run diverged.
    """
    from cnnrun.errors import DivergedError
    from cnnrun.runs import group_sessions, ignore_signals, stop_on_signals

    with stop_on_signals() as stop:
        message(f"group {group.folder}: seeds {', '.join(map(str, group.seeds))}",
                quiet=quiet or json)  # fmt: skip
        is_interrupted = False
        for session in group_sessions(group, workers=workers, command=sys.argv):
            message(f"run {session.run.folder}", quiet=quiet or json)
            show = Progress(quiet or json)
            with suppress(DivergedError):  # its record says so, and the others are trained
                for event in session.events(stop):
                    show(event)
            is_interrupted = session.status == "interrupted"
        atexit.register(ignore_signals)
        if json:
            print_json(group.to_dict())
        elif not is_interrupted:
            print_group(group)
        if is_interrupted:
            runs_dir = group.folder.parent
            message(
                f"interrupted; go on with: cnnrun train --resume {group.name}"
                + ("" if runs_dir == Path("runs") else f" --runs-dir {runs_dir}")
            )
            raise typer.Exit(stop.exit_code)
    diverged = [seed for seed, status in group.statuses.items() if status == "diverged"]
    if diverged:
        message(f"training diverged with seed {', '.join(map(str, diverged))}")
        raise typer.Exit(3)


def print_group(group: Group) -> None:
    """Print the figures of each run of a group, and of all together."""
    statuses, figures, runs = group.statuses, group.figures, group.runs
    names = list(figures)
    rows: list[list[str] | None] = [
        [
            str(seed),
            runs[seed].name,
            statuses[seed],
            *(_cell(name, figures[name].values.get(seed)) for name in names),
        ]
        for seed in group.seeds
        if seed in runs
    ]
    if figures:
        spreads = figures.items()
        ends = [_ends(name, spread.interval) for name, spread in spreads]
        rows += [
            None,
            ["", "mean", "", *(_cell(name, spread.mean) for name, spread in spreads)],
            ["", "standard deviation", "", *(_cell(name, spread.std) for name, spread in spreads)],
            ["", "95% interval of the mean", "", *ends],
        ]
    columns = ["seed", "run", "status", *(f"test {name}" for name in names)]
    print_table(f"{group.name}: {group.size}", columns, rows, left=columns[1:3])
    for note in group.notes:
        print_text(note)
    print_text(f"group {group.folder}")


def _cell(name: str, value: float | None) -> str:
    return share(value) if name == "accuracy" else figure(value)


def _ends(name: str, interval: Interval | None) -> str:
    return "-" if interval is None else " to ".join(_cell(name, end) for end in interval)

"""The options that several verbs share, and what they do before a verb runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cnnrun.config import Experiment

__all__ = [
    "Checkpoint",
    "ConfigFile",
    "Json",
    "Overrides",
    "Plugins",
    "Quiet",
    "RunName",
    "RunsDir",
    "Workers",
    "default_workers",
    "load",
    "load_plugins",
]

MOST_WORKERS = 32
"""By default; each takes memory, and a batch has not many more shards."""

RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's directory, its name, or last.")
]
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")]
Checkpoint = Annotated[Literal["best", "last"], typer.Option(help="Which weights to take.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
RunsDir = Annotated[Path, typer.Option("--runs-dir", metavar="FOLDER", help="Where runs are kept.")]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE", help="A Python file that registers parts of yours; repeatable."
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Such as optimizer.sgd.learning_rate=0.01"),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        min=1,
        max=256,
        help="Parts of a batch computed at once; the result is the same.",
    ),
]


def default_workers() -> int:
    """Return the number of processors this process may use, 32 at most."""
    affinity = getattr(os, "sched_getaffinity", None)  # which not every system has
    available = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(available, MOST_WORKERS)


def load_plugins(plugins: list[Path] | None) -> None:
    """Import the plug-ins of installed packages, then the given ones."""
    from cnnrun.config import load_installed_plugins, load_plugin

    load_installed_plugins()
    for plugin in plugins or []:
        load_plugin(plugin)


def load(
    config: Path, overrides: list[str] | None = None, plugins: list[Path] | None = None
) -> Experiment:
    """Return the experiment of a configuration file, plug-ins and overrides applied."""
    from cnnrun.config import load_experiment

    load_plugins(plugins)
    return load_experiment(config, overrides or [])

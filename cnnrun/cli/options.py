"""The options that several verbs share, and what they do before a verb runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cnnrun.config import Experiment

__all__ = [
    "Json",
    "Overrides",
    "Plugins",
    "Quiet",
    "RunsDir",
    "Workers",
    "default_workers",
    "load",
    "load_plugins",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Where runs are kept.")]
Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A Python file that registers parts of yours; repeatable."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Such as optimizer.sgd.learning_rate=0.01"),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, max=256, help="Threads; the result is the same for any."),
]


def default_workers() -> int:
    """Return the number of processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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

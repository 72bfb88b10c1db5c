"""The options that several verbs share, and what they do before a verb runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.completion import override_keys, run_names
from cnnrun.cli.output import message

if TYPE_CHECKING:
    from cnnrun.config import Experiment
    from cnnrun.runs import Run

__all__ = [
    "Checkpoint",
    "ConfigFile",
    "DataRoots",
    "Json",
    "Overrides",
    "Plugins",
    "Quiet",
    "RunName",
    "RunsDir",
    "Workers",
    "load",
    "load_plugins",
    "load_run",
    "load_source",
]

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's directory, its name, or last.", autocompletion=run_names
    ),
]
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")]
Checkpoint = Annotated[Literal["best", "last"], typer.Option(help="Which weights to take.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no messages.")]
RunsDir = Annotated[Path, typer.Option("--runs-dir", metavar="FOLDER", help="Where runs are kept.")]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="A Python file that registers parts of yours; repeatable. With a run, the word run: "
        "its own copies, if you trust them.",
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Such as optimizer.sgd.learning_rate=0.01",
        autocompletion=override_keys,
    ),
]
DataRoots = Annotated[
    list[str] | None,
    typer.Option(
        "--data-root", metavar="OLD=NEW", help="Where a run's data are, if they have moved."
    ),
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


def load_plugins(plugins: list[Path] | None) -> None:
    """Import the plug-ins of installed packages, then the given ones."""
    from cnnrun import config

    config.load_plugins(plugins or [])


def load(
    config: Path, overrides: list[str] | None = None, plugins: list[Path] | None = None
) -> Experiment:
    """Return the experiment of a configuration file, plug-ins and overrides applied."""
    from cnnrun.config import load_experiment

    return load_experiment(config, overrides or [], plugins or [])


def load_run(
    name: str,
    runs_dir: Path,
    plugins: list[Path] | None = None,
    data_roots: list[str] | None = None,
    *,
    changed: bool = False,
) -> Run:
    """Return the run called `name`, and import plug-ins, which its network may be made of.

    Args:
        name: its folder, its name, or `last`.
        runs_dir: where it is looked for.
        plugins: Python files; `run` for the copies in the run.
        data_roots: where its data are now, each as `OLD=NEW`.
        changed: take plug-ins that were changed since, and leave it to the caller to say so.
    """
    from cnnrun.runs import find_run
    from cnnrun.runs.plugins import import_plugins, plugin_differences

    run = find_run(name, runs_dir)
    import_plugins(run, plugins or [], changed=changed)
    for difference in () if changed else plugin_differences(run):
        message(f"warning: {difference}")
    for words in data_roots or []:
        old, equals, new = words.partition("=")
        if not (old and equals and new):
            raise typer.BadParameter(
                f"{words}: write OLD=NEW, the folder that the data were in and where it is now",
                param_hint="--data-root",
            )
        run = run.with_data_root(old, new)
    return run


def load_source(
    name: str,
    runs_dir: Path,
    plugins: list[Path] | None = None,
    data_roots: list[str] | None = None,
) -> str | Run:
    """Return the run called `name`, or the name if it is a configuration's; import plug-ins."""
    from cnnrun.runs import is_config_file

    if not is_config_file(name):
        return load_run(name, runs_dir, plugins, data_roots)
    load_plugins(plugins)
    return name

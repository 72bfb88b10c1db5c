"""`cnnrun report`: writes all there is to say of a run, or of several, into one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.completion import run_names
from cnnrun.cli.options import DataRoots, Plugins, Quiet, RunsDir, Workers, load_run
from cnnrun.cli.output import message

NAME = "report"


def command(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN", help="A run's directory, its name, or last.", autocompletion=run_names
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="By default RUN/report.html, of several runs comparison.html beside the first.",
        ),
    ] = None,
    workers: Workers = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Write a run's report: one HTML page with charts, that opens from disk.

    It has the result with its interval, learning curves, confusions, mistakes, data and settings,
    and all numbers as JSON. Of several runs it shows what differs, and where they disagree.

    Example: cnnrun report last
    """
    from cnnrun.report import write_report

    if data_root and len(names) > 1:
        raise typer.BadParameter("goes with one run", param_hint="--data-root")
    runs = [load_run(name, runs_dir, plugin, data_root) for name in names]
    file = write_report(runs, output, workers=workers)
    message(f"wrote {file}", quiet=quiet)

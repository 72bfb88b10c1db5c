"""`cnnrun report`: writes all there is to say of a run into one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.options import DataRoots, Plugins, Quiet, RunName, RunsDir, Workers, load_run
from cnnrun.cli.output import message

NAME = "report"


def command(
    run: RunName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="By default RUN/report.html."),
    ] = None,
    workers: Workers = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Write a run's report: one HTML page with charts, that opens from disk.

    It has the result with its interval, learning curves, confusions, mistakes, data and settings,
    and all numbers as JSON.

    Example: cnnrun report last
    """
    from cnnrun.report import write_report

    file = write_report(load_run(run, runs_dir, plugin, data_root), output, workers=workers)
    message(f"wrote {file}", quiet=quiet)

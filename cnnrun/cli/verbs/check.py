"""`cnnrun check`: what would keep a configuration from learning, before it is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cnnrun.cli.options import ConfigFile, Json, Overrides, Plugins, Quiet
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from cnnrun.preflight import Preflight

NAME = "check"


def command(
    config: ConfigFile,
    overrides: Overrides = None,
    plugin: Plugins = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Look at a configuration before it is trained: what would keep it from learning.

    Exit code 0: nothing; 1: a check failed. Nothing is written.

    Example: cnnrun check configs/lenet_mnist5k.yaml
    """
    from cnnrun.errors import PreflightError
    from cnnrun.preflight import check

    result = check(
        config,
        overrides or [],
        plugins=plugin or [],
        on_check=lambda name: message(f"{name} ...", quiet=quiet or json),
    )
    if json:
        print_json(result.to_dict())
    else:
        _show(result)
    if not result.passed:
        raise typer.Exit(PreflightError.exit_code)


def _show(result: Preflight) -> None:
    columns = ["check", "result", "what was seen"]
    rows: list[list[str] | None] = [[row.check, row.status, row.text] for row in result.rows]
    print_table(f"{result.name}, before training", columns, rows, left=columns)
    for row in result.rows:
        if row.advice:
            print_text(f"{row.status}, {row.check}: {row.advice}", hanging="  ")
    print_text(result.summary())

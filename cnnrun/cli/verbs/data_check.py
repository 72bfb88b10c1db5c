"""`cnnrun data check`: what makes results on a data set wrong, before they are measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnrun.cli.options import Json, Plugins
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import print_text

if TYPE_CHECKING:
    from cnnrun.data.checks import DataCheck

__all__ = ["command"]

SHOWN = 10
FOUND = 1
"""The exit code when there is an error in the data."""


def command(
    what: Annotated[str, typer.Argument(metavar="NAME|CONFIG", help="A data set, or a file.")],
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE.png", help="Draw pairs side by side, 24 at most."),
    ] = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Look for copies across splits, labels that contradict each other, and more.

    Exit code 0: no error; 1: an error, such as a test image that is in train too.

    Example: cnnrun data check mnist5k
    """
    from cnnrun.config import check_data

    check = check_data(what, picture=picture, plugins=tuple(plugin or ()))
    if json:
        print_json(check.to_dict())
    else:
        _print(check)
    if picture is not None:
        pairs = {pair for finding in check.findings for pair in finding.pairs}
        shows = f"{picture}: {check.pictured} of {len(pairs)} pairs"
        message(shows if pairs else f"{picture}: not written, for there are no pairs")
    if not check.passed:
        raise typer.Exit(FOUND)


def _print(check: DataCheck) -> None:
    sizes = ", ".join(f"{name} {count:,}" for name, count in check.samples.items())
    images = f"{sum(check.samples.values()):,} images ({sizes})" if sizes else "not compared"
    print_text(f"{_printable(check.name)}: {images}")
    for finding in check.findings:
        print_text(f"{finding.severity}: {_printable(finding.message)}", hanging="  ")
        for detail in finding.details[:SHOWN]:
            print_text(f"  {_printable(str(detail))}", hanging="    ")
        if (more := len(finding.details) - SHOWN) > 0:
            print(f"  and {more:,} more")
    if check.findings:
        print(
            ", ".join(f"{count} {name}{'s' * (count != 1)}" for name, count in check.counts.items())
        )
    else:
        print_text("no copies, no contradicting labels, no blank images, no missing classes")


def _printable(text: str) -> str:
    """Return text in which a name cannot move the cursor of a terminal or begin a line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )

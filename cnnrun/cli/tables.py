"""Tables on stdout, and how numbers look in them."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "count",
    "figure",
    "fits",
    "print_fitting",
    "print_table",
    "share",
    "size",
    "table",
]

PLAIN_WIDTH = 10_000
"""More than any table needs, so that none is wrapped or cut where there is no terminal."""


def table(title: str, columns: Sequence[str], *, left: Sequence[str] = ()) -> Table:
    """Return an empty table; columns not named in `left` are aligned right and never wrapped."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
    for column in columns:
        is_left = column in left
        made.add_column(
            column,
            justify="left" if is_left else "right",
            overflow="fold",
            no_wrap=not is_left,
        )
    return made


def print_table(made: Table) -> None:
    """Print a table to stdout: coloured on a terminal; plain and as wide as needed elsewhere."""
    if sys.stdout.isatty():
        _console().print(made)
        return
    # Written aside, because Rich fills every line with blanks; in the encoding of stdout, because
    # Rich takes lines that it can show.
    aside = TextIOWrapper(BytesIO(), sys.stdout.encoding or "ascii", "backslashreplace")
    console = _console(aside)
    console.print(made, width=console.measure(made).maximum)
    aside.seek(0)
    for line in aside:
        print(line.rstrip())


def fits(made: Table) -> bool:
    """Return whether a table is not wider than the terminal; always, where there is none."""
    console = _console()
    unbounded = console.options.update(max_width=PLAIN_WIDTH)
    needed = console.measure(made, options=unbounded).maximum
    return not console.is_terminal or needed <= console.width


def print_fitting(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    spare: Sequence[str],
    left: Sequence[str] = (),
) -> None:
    """Print a table, without as many of the `spare` columns as a narrow terminal asks for."""
    for count in range(len(spare) + 1):
        shown = [name for name in columns if name not in spare[:count]]
        made = table(title, shown, left=left)
        for row in rows:
            cells = zip(columns, row, strict=True)
            made.add_row(*(cell for name, cell in cells if name in shown))
        if fits(made):
            break
    print_table(made)


def figure(value: float | None, digits: int = 4) -> str:
    """Return a number with so many digits after the point, or a dash."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """Return a share as a percentage."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.2f}%"


def count(value: int) -> str:
    """Return a number with its thousands apart, or a dash for zero."""
    return f"{value:,}" if value else "-"


def size(count: int) -> str:
    """Return a number of bytes in the unit that suits it."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:,.1f} KiB" if count < 1 << 20 else f"{count / (1 << 20):,.1f} MiB"


def _console(plain: TextIO | None = None) -> Console:
    """Return a console on stdout, or one without colours that writes to `plain`."""
    from rich.console import Console

    # Names come from files and may look like Rich's markup or emoji codes; they are not.
    return Console(
        file=plain,
        width=PLAIN_WIDTH if plain else None,
        color_system=None if plain else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )

"""Tables on stdout, and how numbers look in them."""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Iterator, Sequence
from io import BytesIO, TextIOWrapper
from typing import TYPE_CHECKING, Literal, TextIO, overload

from cnnrun.cli.layout import Block, folded, lay_out
from cnnrun.untrusted import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = [
    "count",
    "figure",
    "print_table",
    "print_text",
    "share",
    "size",
]


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Text] | None],
    *,
    left: Sequence[str] = (),
    keys: int = 1,
) -> None:
    """Print a table to stdout: coloured on a terminal, plain and as wide as needed elsewhere.

    On a terminal that is too narrow the columns stand in blocks below each other; nothing is cut.

    Args:
        title: what stands above it; may be empty.
        columns: the headings.
        rows: the cells of each row; None draws a line.
        left: the columns that are aligned left; the others are aligned right.
        keys: so many columns, the first, say what a row is about; every block begins with them.
    """
    title, columns = visible(title), [_cell(heading) for heading in columns]
    left = [_cell(heading) for heading in left]
    rows = [None if row is None else [_cell(cell) for cell in row] for row in rows]
    filled = [row for row in rows if row is not None]
    cells = [
        [heading, *(str(row[place]) for row in filled)] for place, heading in enumerate(columns)
    ]
    blocks = lay_out(cells, _room(), keys)
    for number, block in enumerate(blocks, 1):
        part = f"part {number} of {len(blocks)}" if len(blocks) > 1 else ""
        heading = f"{title} ({part})" if title and part else title or part
        _print(heading, _rich_table(columns, rows, left, block), block.width)


def print_text(text: str, indent: str = "", hanging: str = "", widest: int | None = None) -> None:
    """Print a sentence; on a terminal, and in lines of at most `widest`, broken between words."""
    text = visible(text)
    widths = [width for width in (_room(), widest) if width is not None]
    print(_wrapped(text, min(widths), indent, hanging) if widths else text)


@overload
def _cell(cell: str) -> str: ...
@overload
def _cell(cell: str | Text) -> str | Text: ...
def _cell(cell: str | Text) -> str | Text:
    """Return a cell in which a name can neither break the line nor command the terminal."""
    return visible(cell).replace("\n", "\\n") if isinstance(cell, str) else cell


def _wrapped(text: str, width: int, indent: str = "", hanging: str = "") -> str:
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent or hanging,
        break_long_words=False,  # paths and numbers stay whole
        break_on_hyphens=False,
    )


def _rich_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Text] | None],
    left: Sequence[str],
    block: Block,
) -> Table:
    """Return the columns of a block as a table of exactly their widths."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1) if block.loose else (0, 0, 0, 1),
        pad_edge=block.loose,
    )
    for place, width in zip(block.columns, block.widths, strict=True):
        justify: Literal["left", "right"] = "left" if columns[place] in left else "right"
        made.add_column(
            folded(columns[place], width), justify=justify, overflow="fold", width=width
        )
    for row in _joined(rows, block):
        if row is None:
            made.add_section()
        else:
            made.add_row(*row)
    return made


def _joined(
    rows: Sequence[Sequence[str | Text] | None], block: Block
) -> Iterator[Sequence[str | Text] | None]:
    """Yield rows with the cells of a block, as Rich draws them fastest.

    Consecutive rows that take one line each are put into one row of so many lines, which looks the
    same: a thousand runs are then listed in 0.14 s, in 0.32 s otherwise.
    """
    lines: list[list[str]] = []
    for row in rows:
        cells = None if row is None else _folded([row[place] for place in block.columns], block)
        if cells is not None and _is_one_line(cells, block):
            lines.append([str(cell) for cell in cells])
            continue
        if lines:
            yield _one_below_the_other(lines)
            lines = []
        yield cells
    if lines:
        yield _one_below_the_other(lines)


def _folded(cells: Sequence[str | Text], block: Block) -> list[str | Text]:
    return [
        folded(cell, width) if isinstance(cell, str) else cell
        for cell, width in zip(cells, block.widths, strict=True)
    ]


def _is_one_line(cells: Sequence[str | Text], block: Block) -> bool:
    """Return whether no cell has a style of its own, or is broken into lines."""
    from rich.cells import cell_len

    return all(
        isinstance(cell, str) and "\n" not in cell and cell_len(cell) <= width
        for cell, width in zip(cells, block.widths, strict=True)
    )


def _one_below_the_other(rows: Sequence[Sequence[str]]) -> list[str]:
    return ["\n".join(cells) for cells in zip(*rows, strict=True)]


def _room() -> int | None:
    """Return the width of the terminal; None where stdout is none."""
    return _console().width if sys.stdout.isatty() else None


def _print(title: str, made: Table, width: int) -> None:
    """Print a table of that width with its title, which may be longer."""
    from rich.cells import cell_len
    from rich.text import Text

    room = _room()
    lines = (_wrapped(title, room) if room else title).splitlines()
    parts = [*(Text(line, "bold") for line in lines), made]
    width = max([width, *map(cell_len, lines)])
    if sys.stdout.isatty():
        _console(width).print(*parts, sep="\n")
        return
    # Written aside, because Rich fills every line with blanks; in the encoding of stdout, because
    # Rich takes lines that it can show.
    aside = TextIOWrapper(BytesIO(), sys.stdout.encoding or "ascii", "backslashreplace")
    _console(width, aside).print(*parts, sep="\n")
    aside.seek(0)
    for line in aside:
        print(line.rstrip())


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


def _console(width: int | None = None, plain: TextIO | None = None) -> Console:
    """Return a console on stdout, as wide as the terminal at least, or one on `plain`."""
    from rich.console import Console, ConsoleDimensions

    # Names come from files and may look like Rich's markup or emoji codes; they are not.
    console = Console(
        file=plain,
        color_system=None if plain else "auto",
        highlight=False,
        markup=False,
        emoji=False,
    )
    if width is not None and (plain or console.width < width):
        # With its height, without which Rich takes a dumb terminal's width to be 80 all the same.
        console.size = ConsoleDimensions(width, console.height)
    return console

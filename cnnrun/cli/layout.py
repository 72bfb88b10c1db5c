"""How wide the columns of a table are, and how many stand side by side.

No number is ever split or cut. Where the room is short, words wrap first, then long names fold, and
then the columns are laid out in blocks below each other, each beginning with the key columns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Block", "folded", "lay_out"]

GAP, EDGES = 2, 2
"""The blanks between columns, and in all at both ends of a line, where the room is short."""

LOOSE_GAP, LOOSE_EDGES = 3, 4
"""The same where everything fits."""

NUMBER = re.compile(r"[-+]?\d[\d.,:/%*x]*(e[-+]?\d+)?|nan|inf", re.IGNORECASE)
DECIMAL = re.compile(r"\d\.\d")

IN_NUMBER = r"(?<![^\W\d])\.(?=\d)|(?<=\de)[-+](?=\d)|(?<![^(\[,])-(?=[\d.])"
"""A point or sign that belongs to a number, such as those of `(-0.5`."""

PIECE = re.compile(
    rf"(?:[^\s/._-]|{IN_NUMBER})*(?:(?!{IN_NUMBER})[/._-])+|(?:[^\s/._-]|{IN_NUMBER})+|\s+"
)
"""What a cell is folded between."""

SMALLEST = 6
"""A name folds to this many characters a line at least."""

WHOLE = 12
"""Words, and cells of several, up to this long are not folded."""


@dataclass(frozen=True)
class Block:
    """Columns side by side: their numbers, their widths, and whether they are set well apart."""

    columns: tuple[int, ...]
    widths: tuple[int, ...]
    loose: bool = False

    @property
    def width(self) -> int:
        """The block's width, with its blanks."""
        gap, edges = (LOOSE_GAP, LOOSE_EDGES) if self.loose else (GAP, EDGES)
        return edges + sum(self.widths) + gap * (len(self.widths) - 1)


def lay_out(columns: Sequence[Sequence[str]], room: int | None, keys: int = 1) -> list[Block]:
    """Return the blocks in which a table is shown.

    Args:
        columns: the cells of each column, its heading among them.
        room: the characters of a line; None where lines may have any length.
        keys: so many columns, the first, say what a row is about, and stand in every block.
    """
    from rich.cells import cell_len

    natural = [
        max((cell_len(line) for cell in cells for line in cell.splitlines()), default=0)
        for cells in columns
    ]
    everything = tuple(range(len(columns)))
    whole = Block(everything, tuple(natural), loose=True)
    if room is None or whole.width <= room:
        return [whole]
    floors = [_floor(cells) for cells in columns]
    tight = Block(everything, tuple(floors))
    if tight.width <= room:
        return [_widened(tight, natural, room)]
    # Keys are as wide as they like up to half the room; more is taken of them only for a column
    # that would not fit beside them.
    widest = max(floors[keys:], default=0)
    smallest = [min(floor, SMALLEST) for floor in floors[:keys]]
    for_keys = min(room // 2, room - EDGES - GAP * keys - widest) - GAP * (keys - 1)
    key_widths = _grown(smallest, natural[:keys], for_keys)
    blocks: list[Block] = []
    for column in everything[keys:]:
        others = [*blocks[-1].columns[keys:], column] if blocks else [column]
        wider = _block(keys, key_widths, others, floors)
        if blocks and wider.width <= room:
            blocks[-1] = wider
        else:
            blocks.append(_block(keys, key_widths, [column], floors))
    return [_widened(block, natural, room) for block in blocks]


def folded(cell: str, width: int) -> str:
    """Return a cell with line breaks where a long name is best folded: behind a `-`, `_`, `.`, `/`.

    A name that is set in goes on below itself. Whoever draws it breaks lines between words, and
    folds what has no such place.
    """
    from rich.cells import cell_len

    indent = cell[: len(cell) - len(cell.lstrip(" "))]
    lines = [""]
    for piece in PIECE.findall(cell):
        is_inside = not piece.isspace() and lines[-1][-1:].strip()
        if is_inside and cell_len(indent + lines[-1].split(" ")[-1] + piece) > width:
            lines.append(indent and f"{indent} ")
        lines[-1] += piece
    return "\n".join(lines)


def _floor(cells: Sequence[str]) -> int:
    """Return the least width at which no number and no short word of a column is split."""
    from rich.cells import cell_len

    heading, *others = cells
    short = {cell for cell in others if cell_len(cell) <= WHOLE}  # such as `1.0 MiB`
    words = {word for cell in (heading, *others) if cell not in short for word in cell.split()}
    lengths = [cell_len(word) for word in words if NUMBER.fullmatch(word)]
    lengths += [min(cell_len(word), WHOLE) for word in words]
    pieces = (piece for word in words if len(word) > WHOLE for piece in PIECE.findall(word))
    lengths += [cell_len(piece) for piece in pieces if DECIMAL.search(piece)]
    return max([*map(cell_len, short), *lengths], default=0)


def _block(keys: int, key_widths: list[int], others: list[int], floors: list[int]) -> Block:
    widths = [*key_widths, *(floors[column] for column in others)]
    return Block((*range(keys), *others), tuple(widths))


def _widened(block: Block, natural: Sequence[int], room: int) -> Block:
    """Return a block with its columns as wide as the room allows and their content needs."""
    widths = sum(block.widths) + room - block.width
    wanted = [natural[column] for column in block.columns]
    return Block(block.columns, tuple(_grown(block.widths, wanted, widths)))


def _grown(widths: Sequence[int], wanted: Sequence[int], total: int) -> list[int]:
    """Return widths made larger up to what is wanted, the narrowest first, to `total` in all."""
    grown = list(widths)
    for _ in range(total - sum(grown)):
        growing = [index for index, width in enumerate(grown) if width < wanted[index]]
        if not growing:
            break
        grown[min(growing, key=lambda index: grown[index])] += 1
    return grown

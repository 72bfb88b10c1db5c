"""Draws docs/images/architecture.svg from the imports of the package: floors, parts, arrows.

`python tools/renew.py` writes the file, and with --check says whether it is current.

The widest parts (`cli`, `engine`, what everybody imports) are bars; every other part has a column
of its own, so that an arrow falls straight from bar to bar and no box stands in its way.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections import Counter
from html import escape
from math import log2

from floors import FLOORS, PACKAGE, imports_of, part_of

__all__ = ["draw"]

COLUMN, GAP, MARGIN, LEFT = 140, 16, 18, 40
LINE, BAR, TRACK, CLEARANCE = 17, 56, 11, 24
COLORS = [
    "#0072b2",
    "#b35900",
    "#00785a",
    "#a6437d",
    "#5b5b5b",
    "#8a6d00",
    "#3f51b5",
    "#a33636",
    "#2f6f8f",
    "#37474f",
    "#6d4c41",
]
CHARACTER = 7.3
"""About the width of a character at 14 pixels."""
FONT = "font-family='Helvetica, Arial, sans-serif'"


def shorten(sentence: str, width: float) -> str:
    """Return as many of the sentence's clauses as fit into a line, or else as many words."""
    clauses = re.split(r"(?<=[,:;]) ", sentence)
    while len(clauses) > 1 and len(" ".join(clauses)) > width / CHARACTER:
        clauses.pop()
    kept = " ".join(clauses).rstrip(",:;.") + "."
    return textwrap.shorten(kept, int(width / CHARACTER), placeholder=" ...")


class Part:
    """A file or folder right below the package: what it is, how large, and where it stands."""

    def __init__(self, name: str) -> None:
        folder = PACKAGE / name
        self.name, self.floor = name, FLOORS[name]
        self.files = sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{name}.py"]
        text = (folder / "__init__.py") if folder.is_dir() else self.files[0]
        words = " ".join((ast.get_docstring(ast.parse(text.read_text("utf-8"))) or "").split())
        self.sentence = words.split(". ")[0].rstrip(".") + "."
        self.lines = textwrap.wrap(self.sentence, int(COLUMN / CHARACTER) - 1)
        self.label = {"__init__": "import cnnrun", "__main__": "python -m cnnrun"}.get(name, name)
        self.x = self.y = self.width = self.height = 0.0

    def port(self, index: int, count: int) -> float:
        """Return where along the box the arrow with this index, of `count`, begins or ends."""
        return self.x + self.width * (index + 1) / (count + 1)

    def box(self, color: str) -> list[str]:
        """Return the SVG of the box and its text."""
        middle, bar = self.x + self.width / 2, self.height == BAR
        size = f"{len(self.files)} files" if len(self.files) > 1 else "1 file"
        below = f"x='{middle:g}' dy='{LINE}'" if not bar else "dx='8'"
        svg = [
            f"<rect x='{self.x:g}' y='{self.y:g}' width='{self.width:g}' height='{self.height:g}' "
            f"rx='7' fill='#fff' stroke='{color}' stroke-width='1.6'/>",
            f"<text x='{middle:g}' y='{self.y + 22:g}'><tspan font-size='17' font-weight='700' "
            f"fill='{color}'>{escape(self.label)}</tspan>"
            f"<tspan fill='#667' {below}>{size}</tspan></text>",
        ]
        first = self.y + (44 if bar else 58)
        svg += [
            f"<text x='{middle:g}' y='{first + LINE * row:g}'>{escape(line)}</text>"
            for row, line in enumerate([shorten(self.sentence, self.width)] if bar else self.lines)
        ]
        return svg


def count_imports() -> Counter[tuple[str, str]]:
    """Return how many imports lead from one part to another."""
    counts: Counter[tuple[str, str]] = Counter()
    for path in sorted(PACKAGE.rglob("*.py")):
        for name in imports_of(path):
            target = name.split(".")[1] if name.startswith("cnnrun.") else ""
            if target in FLOORS and target != part_of(path):
                counts[part_of(path), target] += 1
    return counts


def order_columns(names: list[str], counts: Counter[tuple[str, str]]) -> list[str]:
    """Return the order in which arrows are short: swap two columns as long as that helps."""

    def length(order: list[str]) -> int:
        at = {name: index for index, name in enumerate(order)}
        return sum(abs(at[a] - at[b]) for a, b in counts if a in at and b in at)

    best, improved = names, True
    while improved:
        improved = False
        for i in range(len(best)):
            for j in range(i):
                other = best.copy()
                other[i], other[j] = other[j], other[i]
                if length(other) < length(best):
                    best, improved = other, True
    return best


def place(parts: dict[str, Part], counts: Counter[tuple[str, str]]) -> tuple[float, float]:
    """Give every part its box; return the width and height of the picture."""
    low, high = FLOORS["engine"], FLOORS["cli"]
    columns = order_columns([n for n in parts if low < FLOORS[n] < high], counts)
    columns = ["__init__", *columns]
    pitch = COLUMN + GAP
    width = LEFT + len(columns) * pitch - GAP + MARGIN
    y = float(MARGIN)
    for floor in sorted({part.floor for part in parts.values()}, reverse=True):
        here = [part for part in parts.values() if part.floor == floor]
        wide = [part for part in here if part.name not in columns]
        start = LEFT + (pitch if floor >= high else 0)
        for index, part in enumerate(wide):
            part.width = (width - MARGIN - start - GAP * (len(wide) - 1)) / len(wide)
            part.x = start + index * (part.width + GAP)
        for part in here:
            if part in wide:
                part.height = BAR
            else:
                part.x, part.width = LEFT + columns.index(part.name) * pitch, COLUMN
                rows = max(len(other.lines) for other in here if other.name in columns)
                part.height = 54 + LINE * rows
            part.y = y
        y += max(part.height for part in wide or here)
        if floor > 0:
            turning = [pair for pair in counts if turns_below(parts, pair) == floor]
            y += 2 * CLEARANCE + TRACK * max(len(turning) - 1, 0) if floor > 1 else CLEARANCE
    return width, y + MARGIN + LINE


def turns_below(parts: dict[str, Part], pair: tuple[str, str]) -> int | None:
    """Return below which floor an arrow runs sideways; None if it falls straight."""
    source, target = pair
    wide = {"cli", "engine", "__main__"}
    if source in wide or target in wide or parts[target].floor == 0:
        return None
    return FLOORS["cli"] if source == "__init__" else parts[source].floor


def draw_arrows(parts: dict[str, Part], counts: Counter[tuple[str, str]]) -> list[str]:
    """Return the SVG of all arrows but those to the lowest floor."""
    pairs = sorted(pair for pair in counts if parts[pair[1]].floor > 0)

    def beside(pair: tuple[str, str], own: int) -> list[tuple[str, str]]:
        """Return the arrows at the same edge of the same box, ordered by where they lead."""
        same = [p for p in pairs if p[own] == pair[own]]
        return sorted(same, key=lambda p: (parts[p[1 - own]].x + parts[p[1 - own]].width / 2, p))

    tracks: Counter[int] = Counter()
    svg = []
    for pair in pairs:
        source, target = (parts[name] for name in pair)
        leaving, arriving = beside(pair, 0), beside(pair, 1)
        start = source.port(leaving.index(pair), len(leaving))
        end = target.port(arriving.index(pair), len(arriving))
        floor = turns_below(parts, pair)
        bottom, top, head = source.y + source.height, target.y - 3, -9
        if floor is None:
            start = end = end if source.width > target.width else start
            if pair == ("cli", "engine"):  # between two columns, not behind a box
                start = end = source.x + COLUMN + GAP / 2
            path = f"M{start:.1f} {bottom:g}V{top:g}"
        else:
            row = max(p.y + p.height for p in parts.values() if p.floor == floor)
            turn = row + CLEARANCE - 6 + TRACK * tracks[floor]
            tracks[floor] += 1
            if source.floor == target.floor:
                top, head = target.y + target.height + 3, 9
            path = f"M{start:.1f} {bottom:g}V{turn:g}H{end:.1f}V{top:g}"
        thickness, color = 1 + 0.55 * log2(counts[pair]), COLORS[source.floor]
        svg += [
            f"<path class='line' d='{path}' stroke='#f7f8fa' stroke-width='{thickness + 4:.1f}'/>",
            f"<path class='line' d='{path}' stroke='{color}' stroke-width='{thickness:.1f}'/>",
            f"<path d='M{end:.1f} {top - head / 3:g}l-5 {head}h10z' fill='{color}'/>",
            f"<text x='{end + 8:.1f}' y='{top + (-3 if head < 0 else 14):g}' fill='{color}' "
            f"style='text-anchor:start;font-size:12px'>{counts[pair]}</text>",
        ]
    return svg


def draw() -> str:
    """Return the whole picture."""
    counts = count_imports()
    parts = {name: Part(name) for name in FLOORS}
    width, height = place(parts, counts)
    svg = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' "
        f"width='{width:g}' height='{height:g}' role='img' {FONT}>",
        "<title>The parts of cnnrun by floor, and which imports which</title>",
        "<style>text{text-anchor:middle;fill:#223}text{font-size:14px}.line{fill:none}</style>",
        f"<rect width='{width:g}' height='{height:g}' fill='#f7f8fa'/>",
    ]
    for floor in sorted({part.floor for part in parts.values()}):
        y = max(part.y + BAR / 2 for part in parts.values() if part.floor == floor)
        svg.append(f"<text x='{LEFT / 2:g}' y='{y + 5:g}'>{floor}</text>")
    svg += draw_arrows(parts, counts)
    for part in parts.values():
        svg += part.box(COLORS[part.floor])
    lowest = sum(number for (_, target), number in counts.items() if FLOORS[target] == 0)
    names = " and ".join(name for name, floor in FLOORS.items() if floor == 0)
    note = f"Numbers count imports. Arrows to {names}, which all others import, are left out"
    note += f" ({lowest} imports)."
    svg.append(f"<text x='{width / 2:g}' y='{height - 14:g}'>{note}</text></svg>")
    return "\n".join(svg) + "\n"

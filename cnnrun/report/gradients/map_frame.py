"""What stands around the cells of a map: lines between tiles, their numbers, and the scale."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.layout import Layout
from cnnrun.inspection.pictures import colour_table

__all__ = ["LEFT", "TOP", "add", "add_bar", "add_edges", "add_labels", "add_pixels"]

LEFT, TOP = 36.0, 18.0
"""Room for numbers and names."""
SMALLEST_TILE = 8.0
"""Lines between smaller tiles would hide what is in them."""
MOST_LABELS = 12


def add_edges(root: ElementTree.Element, layout: Layout, cell: float) -> None:
    """Draw a line between tiles, and a frame."""
    rows, columns = layout.grid.shape
    down, across = layout.tiles
    if min(layout.tile) * cell >= SMALLEST_TILE:
        for edge in range(1, down):
            y = TOP + edge * layout.tile[0] * cell
            add(root, "line", "edge", x1=LEFT, x2=LEFT + columns * cell, y1=y, y2=y)
        for edge in range(1, across):
            x = LEFT + edge * layout.tile[1] * cell
            add(root, "line", "edge", x1=x, x2=x, y1=TOP, y2=TOP + rows * cell)
    size = {"width": columns * cell, "height": rows * cell}
    add(root, "rect", "edge", x=LEFT, y=TOP, **size)


def add_labels(root: ElementTree.Element, layout: Layout, cell: float) -> None:
    """Number the tiles, or the cells of a single one; name the axes."""
    rows, columns = layout.grid.shape
    for axis, word in enumerate((layout.down, layout.across)):
        tiles = layout.tiles[axis]
        count, size = (tiles, layout.tile[axis]) if layout.tiles != (1, 1) else (
            (rows, columns)[axis], 1
        )  # fmt: skip
        if not word:
            continue
        room = max(1, int(count * size * cell / 22))
        for place in range(0, count, -(-count // min(MOST_LABELS, room))):
            middle = (place + 0.5) * size * cell
            if axis:
                text = add(root, "text", "tick", x=LEFT + middle, y=TOP + rows * cell + 11)
            else:
                text = add(root, "text", "tick end", x=LEFT - 5, y=TOP + middle + 4)
            text.text = str(place)
    if layout.across:
        middle = TOP + rows * cell + 21
        add(root, "text", "label", x=LEFT, y=middle).text = layout.across
    if layout.down:
        add(root, "text", "label", x=2.0, y=TOP - 6).text = layout.down


def add_bar(root: ElementTree.Element, table: str, ends: Sequence[str], top: float) -> None:
    """Draw the scale."""
    pixels = colour_table(table)[np.linspace(0, 255, 64).astype(int)].astype(np.uint8)
    add_pixels(root, "bar", pixels[None], x=LEFT, y=top, width=146.0, height=8.0)
    for share, kind, words in zip((0, 0.5, 1), ("start", "", "end"), ends, strict=True):
        text = add(root, "text", f"tick {kind}".strip(), x=LEFT + 146 * share, y=top + 19)
        text.text = words


def add_pixels(parent: ElementTree.Element, kind: str, pixels: Array, **place: float) -> None:
    """Add an image of bytes `(H, W, C)`, stretched over a rectangle."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    picture = add(parent, "image", kind, **place)
    address = base64.b64encode(file.getvalue()).decode("ascii")
    picture.set("href", f"data:image/png;base64,{address}")
    picture.set("preserveAspectRatio", "none")


def add(parent: ElementTree.Element, tag: str, kind: str, **numbers: float) -> ElementTree.Element:
    """Add an SVG element of a class, with numbers for its attributes, and return it."""
    values = {key: f"{value:.1f}".removesuffix(".0") for key, value in numbers.items()}
    return ElementTree.SubElement(parent, tag, {"class": kind, **values})

"""One map as an SVG: cells, tiles, the worst entry in a frame, and the scale.

Cells are the pixels of one image, with tooltips over them where there are few.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.layout import Layout
from cnnrun.gradcheck.stages.elements import Element, Tensor
from cnnrun.inspection.pictures import colour_table
from cnnrun.report.gradients.entries import worst_element
from cnnrun.report.gradients.map_frame import (
    LEFT,
    TOP,
    add,
    add_bar,
    add_edges,
    add_labels,
    add_pixels,
)  # fmt: skip
from cnnrun.report.svg import Picture

__all__ = ["WRITTEN", "Panel", "cell_side", "draw_map", "place_of"]

WIDTH, HEIGHT = 330.0, 400.0
"""Of the cells together, where they do not become too small."""
LARGEST_CELL, SMALLEST_CELL = 46.0, 1.0
WRITTEN = 34.0
"""A cell that is as wide shows its number."""
MOST_CELLS = 1200
"""Of a map whose cells have tooltips."""
MOST_PIXELS = 1 << 18
"""Of a larger map every second, third, ... cell is drawn."""
SEEN = 7.0
"""Sampled elements are drawn so large where cells are smaller."""
MOST_SEEN = 1000
BELOW = 62.0
"""Room for the scale, and for what the cell below the pointer says."""
LIGHT = 0.45
"""Of a cell: a brighter one has its number in black."""


@dataclass(frozen=True)
class Panel:
    """One of the three maps: its title, its values, their colours, and the ends of its scale."""

    title: str
    values: Array
    shades: Array
    table: str
    ends: tuple[str, str, str]
    words: str


class _Drawing(NamedTuple):
    """A map with the colours of its elements and the side of its cells."""

    panel: Panel
    colours: Array
    layout: Layout
    tensor: Tensor
    cell: float


def cell_side(layout: Layout) -> float:
    """Return the side of a cell in pixels."""
    rows, columns = layout.grid.shape
    fitting = min(WIDTH / columns, HEIGHT / rows)
    return float(min(LARGEST_CELL, max(SMALLEST_CELL, fitting)))


def place_of(layout: Layout, tensor: Tensor, index: Sequence[int]) -> tuple[int, int]:
    """Return the row and the column of an element in a map."""
    flat = np.ravel_multi_index(tuple(index), tensor.gradient.shape) if len(index) else 0
    row, column = np.argwhere(layout.grid == flat)[0]
    return int(row), int(column)


def draw_map(panel: Panel, layout: Layout, tensor: Tensor) -> Picture:
    """Return one map as a picture."""
    rows, columns = layout.grid.shape
    cell = cell_side(layout)
    width, height = cell * columns, cell * rows
    whole = (LEFT + max(width, 170.0) + 4, TOP + height + BELOW)
    root = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg", "class": "chart map", "role": "img",
            "tabindex": "0", "viewBox": f"0 0 {whole[0]:.1f} {whole[1]:.1f}",
            "aria-label": f"{panel.title}: {panel.words}",
        },
    )  # fmt: skip
    add(root, "rect", "unchecked", x=LEFT, y=TOP, width=width, height=height)
    colours = _colours(panel)
    _add_image(root, colours, layout, (width, height))
    add_edges(root, layout, cell)
    if cell < SEEN and len(tensor.elements) < tensor.gradient.size:
        _add_sampled(root, _Drawing(panel, colours, layout, tensor, cell))
    if layout.grid.size <= MOST_CELLS:
        _add_cells(root, _Drawing(panel, colours, layout, tensor, cell))
    _add_worst(root, layout, tensor, cell)
    add_labels(root, layout, cell)
    add_bar(root, panel.table, panel.ends, TOP + height + 24)
    add(root, "text", "readout", x=2, y=whole[1] - 3)
    svg = ElementTree.tostring(root, encoding="unicode")
    return Picture(panel.title, panel.words, whole[0], svg)


def _colours(panel: Panel) -> Array:
    """Return red, green, blue and opacity of every element `(size, 4)`; unknown ones are clear."""
    shades = panel.shades.ravel()
    with np.errstate(invalid="ignore"):
        places = np.nan_to_num(255 * np.clip(shades, 0, 1)).astype(np.uint8)
    colours = np.full((shades.size, 4), 255, np.uint8)
    colours[:, :3] = colour_table(panel.table)[places]
    colours[np.isnan(shades), 3] = 0
    return colours


def _add_image(
    root: ElementTree.Element, colours: Array, layout: Layout, size: tuple[float, float]
) -> None:
    skip = int(np.ceil(np.sqrt(layout.grid.size / MOST_PIXELS)))
    grid = layout.grid[::skip, ::skip]
    pixels = colours[grid]
    pixels[grid < 0] = 0
    add_pixels(root, "cells", pixels, x=LEFT, y=TOP, width=size[0], height=size[1])


def _add_cells(root: ElementTree.Element, drawing: _Drawing) -> None:
    """Lay a tooltip over every cell, and write its number into it where there is room."""
    panel, colours, layout, tensor, cell = drawing
    known = {element.index: element for element in tensor.elements}
    for (row, column), flat in np.ndenumerate(layout.grid):
        if flat < 0:
            continue
        index = tuple(map(int, np.unravel_index(flat, tensor.gradient.shape)))
        element = known.get(index)
        words = f"{_place(index)}: {tensor.gradient[index]:.4g}, {_judged(element)}"
        mark = ElementTree.SubElement(root, "g", {"class": "mark"})
        ElementTree.SubElement(mark, "title").text = words
        x, y = LEFT + column * cell, TOP + row * cell
        value = panel.values[index]
        if cell >= WRITTEN and np.isfinite(value):
            is_light = float(colours[flat, :3] @ np.array([0.299, 0.587, 0.114])) > 255 * LIGHT
            kind = "value light" if is_light else "value"
            text = add(mark, "text", kind, x=x + cell / 2, y=y + cell / 2 + 4)
            text.text = _short(float(value))
        add(mark, "rect", "box hit", x=x, y=y, width=cell, height=cell)


def _add_sampled(root: ElementTree.Element, drawing: _Drawing) -> None:
    """Draw what was sampled of a large tensor large enough to be seen, the wrong elements last."""
    panel, colours, layout, tensor, cell = drawing
    chosen = [*tensor.of("right")[:MOST_SEEN], *tensor.of("wrong")[:MOST_SEEN]]
    if panel.values is tensor.gradient:
        return
    for element in chosen:
        row, column = place_of(layout, tensor, element.index)
        flat = np.ravel_multi_index(element.index, tensor.gradient.shape)
        red, green, blue = colours[flat, :3]
        x, y = LEFT + (column + 0.5) * cell - SEEN / 2, TOP + (row + 0.5) * cell - SEEN / 2
        box = add(root, "rect", "seen", x=x, y=y, width=SEEN, height=SEEN)
        box.set("fill", f"rgb({red},{green},{blue})")


def _add_worst(root: ElementTree.Element, layout: Layout, tensor: Tensor, cell: float) -> None:
    """Draw a frame around the worst of the wrong entries."""
    worst = worst_element(tensor)
    if worst is None:
        return
    row, column = place_of(layout, tensor, worst.index)
    side = max(cell, 9.0) + 4
    x = LEFT + (column + 0.5) * cell - side / 2
    y = TOP + (row + 0.5) * cell - side / 2
    for kind in ("halo", "worst"):
        add(root, "rect", kind, x=x, y=y, width=side, height=side, rx=2.0)


def _judged(element: Element | None) -> str:
    """Return in a few words what is known of an element: a map has room for few."""
    if element is None:
        return "not compared"
    if element.status in ("right", "wrong"):
        return f"should be {element.numeric:.4g}" if element.status == "wrong" else "right"
    return "at a kink" if element.status == "kink" else "not resolved"


def _short(value: float) -> str:
    """Return a number of at most six characters or so, as `0.31` or `3e-9`."""
    if value and not 1e-3 <= abs(value) < 1e4:
        mantissa, exponent = f"{value:.0e}".split("e")
        return f"{mantissa}e{int(exponent)}"
    return f"{value:.2g}" if abs(value) < 100 else f"{value:.0f}"


def _place(index: Sequence[int]) -> str:
    return f"[{', '.join(map(str, index))}]"

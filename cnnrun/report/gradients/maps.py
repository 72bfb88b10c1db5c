"""Maps of a gradient: what backward gives and what forward shows on one scale, and the error.

Blue is negative and red positive; errors go from dark blue to yellow; both can be told apart by
people who see colours differently.
"""

from __future__ import annotations

import numpy as np

from cnnrun.gradcheck.report.layout import Layout, arrange
from cnnrun.gradcheck.stages.elements import Tensor
from cnnrun.report.gradients.entries import worst_element
from cnnrun.report.gradients.layouts import is_weights, to_engine
from cnnrun.report.gradients.map_drawing import WRITTEN, Panel, cell_side, draw_map, place_of
from cnnrun.report.scales import number
from cnnrun.report.svg import Picture

__all__ = ["gradient_maps"]

CLOSE_UP = 12
"""A tile with no more rows and columns is drawn by itself, if the map has no room for numbers."""
FLOOR = 1e-16
"""Relative errors below count as this."""


def gradient_maps(tensor: Tensor) -> list[list[Picture]]:
    """Return the maps of a tensor at one point: claimed, right, and the relative error.

    Behind them the same of the worst entry's own tile, where the cells of all have no room for
    their numbers.
    """
    probe, name = tensor.probe, tensor.name
    numbers = np.arange(tensor.gradient.size).reshape(tensor.gradient.shape)
    moved = to_engine(probe, name, numbers)
    layout = arrange(moved.shape, weights=is_weights(name))
    grid = np.where(layout.grid >= 0, moved.ravel()[layout.grid], -1)
    layout = Layout(grid, layout.tile, layout.across, layout.down)
    panels = _panels(tensor)
    maps = [[draw_map(panel, layout, tensor) for panel in panels]]
    close = _close_up(layout, tensor)
    if close is not None and cell_side(layout) < WRITTEN:
        maps.append([draw_map(panel, close, tensor) for panel in panels])
    return maps


def _close_up(layout: Layout, tensor: Tensor) -> Layout | None:
    """Return the layout of the worst entry's tile; None if that is everything, or too much."""
    height, width = layout.tile
    worst = worst_element(tensor)
    if layout.tiles == (1, 1) or max(height, width) > CLOSE_UP or worst is None:
        return None
    row, column = place_of(layout, tensor, worst.index)
    top, left = row // height * height, column // width * width
    grid = layout.grid[top : top + height, left : left + width]
    return Layout(grid, layout.tile, "column", "row")


def _panels(tensor: Tensor) -> list[Panel]:
    claimed, right = tensor.gradient, tensor.numeric
    errors = np.full(claimed.shape, np.nan)
    for element in tensor.resolved:
        errors[element.index] = element.relative_error
    sizes = [np.abs(array[np.isfinite(array)]) for array in (claimed, right)]
    limit = max((float(np.max(size, initial=0)) for size in sizes), default=0.0) or 1.0
    ends = (f"-{number(limit)}", "0", number(limit))
    logs = np.log10(np.clip(errors, FLOOR, 1)) / -np.log10(FLOOR) + 1
    checked = f"{len(tensor.elements):,} of {claimed.size:,} compared"
    wrong = f"{len(tensor.of('wrong')):,} of them wrong"
    signed = "RdBu_r"
    one = "both on one scale"
    if broken := int(np.sum(~np.isfinite(claimed))):
        one += f"; {broken:,} not finite: grey"
    return [
        Panel("what backward gives", claimed, (claimed / limit + 1) / 2, signed, ends, one),
        Panel(
            "what forward shows", right, (right / limit + 1) / 2, signed, ends,
            checked,
        ),
        Panel("relative error", errors, logs, "cividis", ("1e-16", "1e-8", "1"), wrong),
    ]  # fmt: skip

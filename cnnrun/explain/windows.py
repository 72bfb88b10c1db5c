"""The sliding window as pictures: for the first outputs, which inputs each is computed from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.explain.document import Explanation, Namer

__all__ = ["WindowPosition", "window_positions"]

MOST_POSITIONS = 6
WIDEST_INPUT = 9
"""Of an input with its padding; a larger one would not be read."""


@dataclass(frozen=True)
class WindowPosition:
    """One place of the window.

    Attributes:
        output: the symbol of what is computed there.
        rows: of the input with its padding: what a cell is called, empty for padding, and whether
            the window sees it.
    """

    output: str
    rows: tuple[tuple[tuple[str, bool], ...], ...]


def window_positions(explanation: Explanation) -> list[WindowPosition]:
    """Return the first places of a layer's window, row by row; none where there is no window."""
    layer = explanation.layer
    window = getattr(layer, "window", None)
    if layer is None or not isinstance(window, Window) or max(window.padded_size) > WIDEST_INPUT:
        return []
    outputs = layer.output_shape[:2]
    name_input, name_output = Namer("X", window.input_size), Namer("O", outputs)
    positions = []
    for place in islice(np.ndindex(*outputs), MOST_POSITIONS):
        seen = {
            tuple(place[a] * window.stride[a] + tap[a] * window.dilation[a] for a in (0, 1))
            for tap in np.ndindex(*window.kernel)
        }
        rows = []
        for row in range(window.padded_size[0]):
            cells = []
            for column in range(window.padded_size[1]):
                own = (row - window.before[0], column - window.before[1])
                inside = all(0 <= own[a] < window.input_size[a] for a in (0, 1))
                cells.append((name_input(own) if inside else "", (row, column) in seen))
            rows.append(tuple(cells))
        positions.append(WindowPosition(name_output(place), tuple(rows)))
    return positions

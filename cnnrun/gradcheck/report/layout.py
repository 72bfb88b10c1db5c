"""Where each element of a tensor stands in its error map: pictures side by side, with labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from cnnrun.engine.types import Array, Shape

__all__ = ["Layout", "arrange"]

WIDEST_ROW = 64
"""A longer row of values that is no image is broken into several."""


@dataclass(frozen=True)
class Layout:
    """A map: tiles in rows and columns, of one size.

    Attributes:
        grid: `(rows, columns)` of cells, each with the number of its element in row-major order;
            -1 where a cell is free.
        tile: height and width of a tile, in cells.
        across, down: what the tiles are numbered by, such as `channel`; with a single tile, what
            its cells are; empty if cells have no number.
    """

    grid: Array
    tile: tuple[int, int]
    across: str
    down: str

    @property
    def tiles(self) -> tuple[int, int]:
        """How many tiles there are, down and across."""
        return self.grid.shape[0] // self.tile[0], self.grid.shape[1] // self.tile[1]

    def place(self, flat: Array) -> tuple[Array, Array]:
        """Return the row and the column of elements given by their numbers."""
        taken = np.flatnonzero(self.grid.ravel() >= 0)
        places = np.empty(len(taken), np.int64)
        places[self.grid.ravel()[taken]] = taken
        rows, columns = np.unravel_index(places[flat], self.grid.shape)
        return rows, columns


def arrange(shape: Shape, *, weights: bool) -> Layout:
    """Return the map of a tensor.

    Args:
        shape: of weights `(KH, KW, C, F)` or `(inputs, units)`; of images `(N, H, W, C)`, of other
            values `(N, ...)`; or of a vector.
        weights: whether they are weights.
    """
    numbers = np.arange(prod(shape)).reshape(shape or (1,))
    if numbers.ndim == 4 and weights:
        return _tiled(numbers.transpose(2, 3, 0, 1), "filter", "input channel")
    if numbers.ndim == 4:
        tiles = numbers.transpose(0, 3, 1, 2)  # (N, C, H, W)
        if shape[3] == 1:
            return _tiled(tiles.transpose(1, 0, 2, 3), "sample", "")
        return _tiled(tiles, "channel", "sample")
    if numbers.ndim == 2 and weights:
        return _tiled(numbers[None, None], "unit", "input")
    rows = numbers.reshape(len(numbers), -1) if numbers.ndim > 1 else numbers.reshape(1, -1)
    if rows.shape[1] <= WIDEST_ROW:
        return _tiled(rows[None, None], "element", "sample" if numbers.ndim > 1 else "")
    return _tiled(_broken(rows)[None], "sample" if numbers.ndim > 1 else "", "")


def _tiled(tiles: Array, across: str, down: str) -> Layout:
    """Return the layout of tiles `(down, across, height, width)`."""
    rows, columns, height, width = tiles.shape
    grid = tiles.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    return Layout(grid, (height, width), across, down)


def _broken(rows: Array) -> Array:
    """Return long rows `(N, D)` broken into tiles `(N, height, width)`, filled up with -1."""
    count, length = rows.shape
    width = min(WIDEST_ROW, int(np.ceil(np.sqrt(2 * length))))
    height = -(-length // width)
    tiles = np.full((count, height * width), -1)
    tiles[:, :length] = rows
    return tiles.reshape(count, height, width)

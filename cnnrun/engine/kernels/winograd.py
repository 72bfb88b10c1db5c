"""Convolution with fewer multiplications: Winograd's minimal filtering along the height.

Of r taps and m output rows, m*r products a column become m + r - 1: half as many for three taps
and four rows. The input's rows go through a small matrix, are multiplied with filters that went
through another, and the products through a third: y = A^T [(G w) * (B^T x)] (Winograd 1980; Lavin
and Gray 2016). Here that is done along the height alone. Along the width nothing is gathered
either: with rows one after the other in memory, what a window sees of a row is a run of KW*C
numbers, and every KW-th of them together are a matrix that BLAS takes as it lies.

All three transforms are matrix products on runs of a whole row of the image. Measured against
columns of the input, for three taps and 32 channels or more: about twice as fast.

In float32 the result is off by some 1e-6 of the largest value, and by less than 1e-5, to which
a test holds it; a direct sum is off by 1e-7 to 1e-6. In float64 it is not used.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels.toom_cook import POINTS, Algorithm
from cnnrun.engine.kernels.windows import Scratch, tile_size
from cnnrun.engine.types import Array

__all__ = ["convolve", "filter_gradient", "fits", "input_gradient", "multiplications"]


def _algorithm(window: Window, dtype: np.dtype[Any]) -> Algorithm:
    """Return the algorithm for a window: four output rows where the points suffice."""
    taps = window.kernel[0]
    return Algorithm.of(min(4, len(POINTS) + 2 - taps), taps, dtype)


def fits(window: Window) -> bool:
    """Return whether the method can do this window: dense, and padded by less than its size."""
    padding = (*window.before, *window.after)
    return (
        window.stride == window.dilation == (1, 1)
        and 2 <= window.kernel[0] <= len(POINTS)
        and max(padding[0], padding[2]) < window.kernel[0]
        and max(padding[1], padding[3]) < window.kernel[1]
    )


def multiplications(window: Window) -> int:
    """Return the products for one channel and filter, those at wasted positions included."""
    grid = _Grid.for_batch(window, 1, 1, np.dtype(np.float32))
    return grid.algorithm.points * grid.bands * grid.pitch * window.kernel[1]


def convolve(
    x: Array, w: Array, window: Window, y: Array, scratch: Scratch, b: Array | None = None
) -> None:
    """Write the convolution of x with w, plus b, into y.

    Args:
        x: `(N, H, W, C)`, the input.
        w: `(KH, KW, C, F)`, the filters.
        window: one that `fits`.
        y: `(N, OH, OW, F)`; overwritten.
        scratch: where temporary arrays come from.
        b: `(F,)`, the bias.
    """
    _, wide, channels, filters = w.shape
    grid = _Grid.for_batch(window, len(x), channels + filters, y.dtype)
    way, points, size = grid.algorithm, grid.algorithm.points, grid.samples
    spread = scratch("filters", (points, wide * channels, filters), y.dtype)
    np.matmul(  # (points, KH) @ (KH, KW*C*F)
        way.filter_transform, w.reshape(way.taps, -1), out=spread.reshape(points, -1)
    )
    tile = _InputTile(grid, channels, y.dtype, scratch)
    steps = -(-grid.positions // wide)
    products = scratch("products", (points, steps, wide, filters), y.dtype)
    runs = [
        # Positions j, j + KW, j + 2 KW, ...: what they see does not overlap.
        tile.seen[:, j : j + steps * wide].reshape(points, steps, wide * channels)
        for j in range(wide)
    ]
    by_band = grid.by_band(products.reshape(points, -1, filters))
    rows = scratch("rows", (size, grid.bands, way.outputs, grid.pitch * filters), y.dtype)
    high_out, wide_out = window.output_size
    image = rows.reshape(size, -1, grid.pitch, filters)[:, :high_out, :wide_out]
    bias = scratch("bias", (wide_out, filters), y.dtype)
    bias[...] = 0 if b is None else b
    for start in range(0, len(x), size):
        tile.load(x[start : start + size])
        for j in range(wide):
            # (points, steps, KW*C) @ (points, KW*C, F)
            np.matmul(runs[j], spread, out=products[:, :, j])
        np.matmul(way.output_transform, by_band, out=rows)  # (m, points) @ (points, P*F)
        into = y[start : start + size]
        np.add(image[: len(into)], bias, out=into)


def filter_gradient(x: Array, dy: Array, window: Window, dw: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the filters into dw.

    The transposed algorithm: dw = G^T [(A dy) * (B^T x)], summed over all positions.

    Args:
        x: `(N, H, W, C)`, the input of the forward pass.
        dy: `(N, OH, OW, F)`, the loss gradient of its output.
        window: one that `fits`.
        dw: `(KH, KW, C, F)`; overwritten.
        scratch: where temporary arrays come from.
    """
    _, wide, channels, filters = dw.shape
    grid = _Grid.for_batch(window, len(x), channels + filters, dw.dtype)
    way, points, size = grid.algorithm, grid.algorithm.points, grid.samples
    tile = _InputTile(grid, channels, dw.dtype, scratch)
    # (points, C, positions) for each tap along the width
    inputs = [tile.seen[:, j : j + grid.positions].transpose(0, 2, 1) for j in range(wide)]
    errors = scratch("errors", (size, grid.bands * way.outputs, grid.pitch, filters), dw.dtype)
    errors.fill(0)  # the positions between the rows stay so
    high_out, wide_out = window.output_size
    image = errors[:, :high_out, :wide_out]
    bands = errors.reshape(size, grid.bands, way.outputs, -1)
    products = scratch("products", (points, grid.positions, filters), dw.dtype)
    by_band = grid.by_band(products)
    part_sum = scratch("part_sum", (points, channels, filters), dw.dtype)
    total = scratch("total", (points, wide, channels, filters), dw.dtype)
    total.fill(0)
    for start in range(0, len(x), size):
        part = dy[start : start + size]
        tile.load(x[start : start + size])
        image[: len(part)] = part
        image[len(part) :] = 0
        np.matmul(way.output_transform.T, bands, out=by_band)  # (points, m) @ (m, P*F)
        for j in range(wide):
            # (points, C, positions) @ (points, positions, F)
            np.matmul(inputs[j], products, out=part_sum)
            total[:, j] += part_sum
    # (KH, points) @ (points, KW*C*F)
    gradient = np.matmul(way.filter_transform.T, total.reshape(points, -1))
    dw[...] = gradient.reshape(dw.shape)


def input_gradient(dy: Array, w: Array, window: Window, dx: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the input into dx.

    The lecture's dL/dX = Full Convolution(F rotated by 180 degrees, dL/dO), by `convolve`.

    Args:
        dy: `(N, OH, OW, F)`, the loss gradient of the output.
        w: `(KH, KW, C, F)`, the filters.
        window: one that `fits`.
        dx: `(N, H, W, C)`; overwritten.
        scratch: where temporary arrays come from.
    """
    high, wide, channels, filters = w.shape
    rotated = scratch("rotated", (high, wide, filters, channels), w.dtype)
    np.copyto(rotated, w[::-1, ::-1].transpose(0, 1, 3, 2))
    convolve(dy, rotated, _full(window), dx, scratch)


def _full(window: Window) -> Window:
    """Return the window of the full convolution that undoes this one's shrinking."""
    reach = (window.kernel[0] - 1, window.kernel[1] - 1)
    return replace(
        window,
        before=(reach[0] - window.before[0], reach[1] - window.before[1]),
        after=(reach[0] - window.after[0], reach[1] - window.after[1]),
        input_size=window.output_size,
        output_size=window.input_size,
    )


@dataclass(frozen=True)
class _Grid:
    """How the positions of a tile of samples lie in memory: bands of m rows, columns at a pitch.

    The zeros between two rows are the right padding of one and the left padding of the next.

    Attributes:
        samples: of a tile; the last tile's missing ones are computed all the same, and not used.
        bands: groups of m output rows of a sample; the last may reach beyond the image.
        pitch: columns from one row to the next.
    """

    window: Window
    algorithm: Algorithm
    samples: int
    bands: int
    pitch: int

    @classmethod
    def for_batch(cls, window: Window, batch: int, channels: int, dtype: np.dtype[Any]) -> _Grid:
        """Return a grid of as many samples as fit into the cache with so many channels."""
        algorithm = _algorithm(window, dtype)
        bands = -(-window.output_size[0] // algorithm.outputs)
        pitch = window.input_size[1] + max(window.before[1], window.after[1])
        most = tile_size(algorithm.points * bands * pitch * channels * dtype.itemsize)
        samples = -(-batch // -(-batch // most))  # tiles of one size, or nearly
        return cls(window, algorithm, samples, bands, pitch)

    @property
    def positions(self) -> int:
        """Positions of a tile, those between the rows included."""
        return self.samples * self.bands * self.pitch

    def by_band(self, array: Array) -> Array:
        """Return a view `(samples, bands, points, P*channels)` of `(points, positions, ...)`."""
        used = array[:, : self.positions]
        return used.reshape(len(array), self.samples, self.bands, -1).transpose(1, 2, 0, 3)


class _InputTile:
    """The transformed input of a tile of samples, B^T x; its views stay valid from tile to tile.

    Attributes:
        seen: `(points, positions and some more, C)`.
    """

    def __init__(self, grid: _Grid, channels: int, dtype: np.dtype[Any], scratch: Scratch) -> None:
        window, way = grid.window, grid.algorithm
        (top, left), (high, wide) = window.before, window.input_size
        height = grid.bands * way.outputs + way.taps - 1
        image = scratch("image", (grid.samples, height, grid.pitch, channels), dtype)
        image.fill(0)
        self._inside = image[:, top : top + high, left : left + wide]
        sample, row = image.strides[:2]
        self._bands = as_strided(  # each reaches into the next by KH - 1 rows
            image,
            (grid.samples, grid.bands, way.points, grid.pitch * channels),
            (sample, way.outputs * row, row, image.itemsize),
            writeable=False,
        )
        self.seen = scratch(
            "seen", (way.points, grid.positions + 2 * window.kernel[1], channels), dtype
        )
        self.seen[:, grid.positions :] = 0
        self._by_band = grid.by_band(self.seen)
        self._transform = way.input_transform

    def load(self, x: Array) -> None:
        """Transform samples x `(n, H, W, C)`."""
        self._inside[: len(x)] = x
        # (points, points) @ (points, P*C)
        np.matmul(self._transform, self._bands, out=self._by_band)

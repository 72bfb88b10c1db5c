"""What the kernels share: views of what windows see, and tiles of a batch that fit the cache."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.engine.types import Array

__all__ = [
    "Scratch",
    "crop",
    "gradient_image",
    "inside",
    "padded",
    "positions",
    "taps",
    "tile_size",
    "tiles",
]

Scratch = Callable[[str, tuple[int, ...], np.dtype[Any]], Array]
"""Gives a reusable uninitialised array for (name, shape, dtype), as `Context.buffer` does."""

TILE_BYTES = 1024 * 1024
"""Target size of what a kernel holds of a tile; measured: below, calls cost more than misses."""


def tile_size(bytes_each: int) -> int:
    """Return how many samples, or rows of an image, fit into the L2 cache together; at least 1."""
    return max(1, TILE_BYTES // max(1, bytes_each))


def tiles(count: int, bytes_each: int) -> Iterator[slice]:
    """Yield slices of a batch, or of an image's rows, that fit into the L2 cache together."""
    size = tile_size(bytes_each)
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def positions(window: Window, axis: int, tap: int) -> slice:
    """Return the rows (axis 0) or columns (axis 1) of the padded image that one tap visits."""
    start = tap * window.dilation[axis]
    stride = window.stride[axis]
    return slice(start, start + stride * (window.output_size[axis] - 1) + 1, stride)


def taps(image: Array, window: Window) -> Iterator[tuple[int, int, Array]]:
    """Yield (i, j, view `(N, OH, OW, C)` of what tap i, j sees) in row-major order.

    `image` is padded already, `(N, *window.padded_size, C)`.
    """
    for i in range(window.kernel[0]):
        rows = image[:, positions(window, 0, i)]
        for j in range(window.kernel[1]):
            yield i, j, rows[:, :, positions(window, 1, j)]


def inside(image: Array, window: Window) -> Array:
    """Return the view of a padded image that is not padding."""
    top, left = window.before
    high, wide = window.input_size
    return image[:, top : top + high, left : left + wide]


def padded(x: Array, window: Window, value: float, scratch: Scratch) -> Array:
    """Return x surrounded by the window's padding of `value`; x itself where there is none."""
    if not window.is_padded:
        return x
    image = scratch("padded", (len(x), *window.padded_size, x.shape[3]), x.dtype)
    image.fill(value)
    inside(image, window)[...] = x
    return image


def gradient_image(dx: Array, window: Window, scratch: Scratch) -> Array:
    """Return a padded image of zeros to add errors to; dx itself where there is no padding."""
    if not window.is_padded:
        dx.fill(0)
        return dx
    image = scratch("padded", (len(dx), *window.padded_size, dx.shape[3]), dx.dtype)
    image.fill(0)
    return image


def crop(image: Array, window: Window, dx: Array) -> None:
    """Copy the part of a padded image that is not padding to dx."""
    if window.is_padded:
        dx[...] = inside(image, window)

"""Sums over the positions of an image and over whole arrays, and a bias added to every position."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = [
    "CHUNK",
    "add_bias",
    "channel_sums",
    "pixel_means",
    "rough_sum_of_squares",
    "spread",
    "squares_of_pieces",
    "sum_of_squares",
    "sum_rows",
]

BLOCK = 256
"""Rows that are added up in an array's own dtype: the sum of so many loses no digit that counts."""

CHUNK = 1 << 16
"""Values handled at a time: several arrays of so many stay in the L2 cache together."""

DOT = 1 << 13
"""Values of a dot product: below what BLAS shares among threads, so that its order is fixed."""

TINY = 1e-30
"""Below, squares of float32 values may have vanished."""


def add_bias(y: Array, b: Array, scratch: Scratch) -> None:
    """Add b `(F,)` to every position of y `(N, OH, OW, F)`.

    Spread over a row of the image first: runs of OW*F numbers take half the time of runs of F.
    """
    y += spread(b, y, "bias", scratch)


def sum_rows(dy: Array, db: Array, scratch: Scratch) -> None:
    """Write the sum of dy `(..., F)` over all axes but the last into db `(F,)`, rounded once."""
    db[...] = channel_sums(dy, scratch)


def channel_sums(x: Array, scratch: Scratch) -> Array:
    """Return the sums of x `(..., C)` over all axes but the last, `(C,)` in float64.

    By products with a row of ones in blocks of rows, whose sums are added in float64: as exact as
    it needs to be, and measured as 15 times as fast as a sum in float64 for 16 channels.
    """
    total: Array = _sums(x.reshape(1, -1, x.shape[-1]), scratch)[0]
    return total


def pixel_means(x: Array, y: Array, scratch: Scratch) -> None:
    """Write the mean over the pixels of each image of x `(N, H, W, C)` to y `(N, C)`.

    Summed as in `channel_sums`: a single line of float32 sums was 40 times as far off at 128x128.
    """
    np.divide(_sums(x.reshape(len(x), -1, x.shape[3]), scratch), x.shape[1] * x.shape[2], out=y,
              casting="same_kind")  # fmt: skip


def _sums(x: Array, scratch: Scratch) -> Array:
    """Return the sums of x `(N, rows, C)` over the rows, `(N, C)` in float64."""
    samples, rows, channels = x.shape
    ones = scratch("ones", (BLOCK,), x.dtype)
    ones.fill(1)
    whole = rows // BLOCK * BLOCK
    total: Array = np.matmul(ones[: rows - whole], x[:, whole:]).astype(np.float64)
    if whole:
        blocks = np.matmul(ones, x[:, :whole].reshape(samples, -1, BLOCK, channels))
        total += blocks.sum(axis=1, dtype=np.float64)
    return total


def spread(values: Array, like: Array, name: str, scratch: Scratch) -> Array:
    """Return a value for each channel, repeated for a row of an image: `(W, C)`.

    So NumPy works in runs of W*C numbers. For vectors, the values themselves.
    """
    if like.ndim != 4:
        return values.astype(like.dtype, copy=False)
    row = scratch(name, like.shape[2:], like.dtype)
    row[...] = values
    return row


def sum_of_squares(array: Array) -> float:
    """Return the sum in float64, since the squares of float32 values can overflow.

    By chunks, so that nothing large is allocated, and without the BLAS, whose sum would depend on
    its number of threads.
    """
    flat = array.reshape(-1)
    total = 0.0
    for start in range(0, flat.size, CHUNK):
        total += float(np.sum(np.square(flat[start : start + CHUNK], dtype=np.float64)))
    return total


def rough_sum_of_squares(array: Array) -> float:
    """Return the same to six digits in a quarter of the time, for the norm of a gradient.

    By dot products in the array's own dtype. A piece whose squares overflow or vanish there is
    added up in float64 all the same: 1e30 has a norm, and so has 1e-30.
    """
    total = 0.0
    for squares in squares_of_pieces(array):
        total += squares
    return total


def squares_of_pieces(array: Array) -> Iterator[float]:
    """Yield the sums of which `rough_sum_of_squares` is one, each of `DOT` values."""
    flat = array.reshape(-1)
    for start in range(0, flat.size, DOT):
        piece = flat[start : start + DOT]
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            squares = float(np.dot(piece, piece))
        yield squares if TINY < squares < math.inf else sum_of_squares(piece)

"""The sum of squares of an array, exact enough to compare and to print."""

from __future__ import annotations

import math

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["CHUNK", "sum_of_squares"]

CHUNK = 1 << 16
"""Values handled at a time: several arrays of so many stay in the L2 cache together."""

DOT = 1 << 13
"""Values of a dot product: below what BLAS shares among threads, so that its order is fixed."""

TINY = 1e-30
"""Below, squares of float32 values may have vanished."""


def sum_of_squares(array: Array) -> float:
    """Return the sum, in float64 over pieces of the array's own dtype.

    A piece whose squares overflow or vanish there is added up in float64 itself: 1e30 has a norm,
    and so has 1e-30. Dot products by pieces were measured as 4 times as fast as squares in float64.
    """
    flat = array.reshape(-1)
    total = 0.0
    for start in range(0, flat.size, DOT):
        piece = flat[start : start + DOT]
        found = float(np.dot(piece, piece))
        if not TINY < found < math.inf:
            found = float(np.sum(np.square(piece, dtype=np.float64)))
        total += found
    return total

"""The sum of squares of an array, exact enough to compare and to print."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["CHUNK", "sum_of_squares"]

CHUNK = 1 << 14
"""Values handled at a time: several arrays of so many stay in the L2 cache together."""


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

"""Sums over all positions of an image, for the gradients of biases."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = ["sum_rows"]


def sum_rows(dy: Array, db: Array, scratch: Scratch) -> None:
    """Write the sum of dy `(..., F)` over all axes but the last into db `(F,)`.

    A product with a row of ones: BLAS adds several rows at once, `np.sum` one at a time.
    """
    rows = dy.reshape(-1, dy.shape[-1])
    ones = scratch("ones", (len(rows),), dy.dtype)
    ones.fill(1)
    np.matmul(ones, rows, out=db)  # (rows,) @ (rows, F)

"""A bias added to every position of an image, and its gradient, the sum over all of them."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = ["add_bias", "sum_rows"]


def add_bias(y: Array, b: Array, scratch: Scratch) -> None:
    """Add b `(F,)` to every position of y `(N, OH, OW, F)`.

    Spread over a row of the image first: runs of OW*F numbers take half the time of runs of F.
    """
    row = scratch("bias", y.shape[2:], y.dtype)
    row[...] = b
    y += row


def sum_rows(dy: Array, db: Array, scratch: Scratch) -> None:
    """Write the sum of dy `(..., F)` over all axes but the last into db `(F,)`.

    A product with a row of ones: BLAS adds several rows at once, `np.sum` one at a time.
    """
    rows = dy.reshape(-1, dy.shape[-1])
    ones = scratch("ones", (len(rows),), dy.dtype)
    ones.fill(1)
    np.matmul(ones, rows, out=db)  # (rows,) @ (rows, F)

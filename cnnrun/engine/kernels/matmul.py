"""A matrix product whose fastest form depends on its shape."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = ["times_transposed"]

FEW_ROWS, MANY_COLUMNS = 32, 64
"""Where the transposed product pays: measured for weights of 64x10 to 9216x128."""


def times_transposed(a: Array, b: Array, out: Array, scratch: Scratch) -> None:
    """Write a b^T to out.

    For a few rows of `a`, OpenBLAS spends most of the time on rearranging b^T. So b a^T is
    computed, in 0.5 to 0.8 of the time, and turned.

    Args:
        a: `(n, k)`.
        b: `(m, k)`.
        out: `(n, m)`; overwritten.
        scratch: where temporary arrays come from.
    """
    if len(a) > FEW_ROWS or a.shape[1] < MANY_COLUMNS:
        np.matmul(a, b.T, out=out)
        return
    turned = scratch("turned", (len(b), len(a)), out.dtype)
    np.matmul(b, a.T, out=turned)
    np.copyto(out, turned.T)

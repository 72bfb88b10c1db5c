"""The gradient of ReLU, in one pass where it can be compiled."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.kernels.accelerated import are_plain, kernels
from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = ["relu_gradient"]


def relu_gradient(y: Array, dy: Array, dx: Array, scratch: Scratch) -> None:
    """Write dy where the unit was active to dx, and dy times 0 elsewhere.

    Args:
        y: what ReLU returned: y > 0 exactly where x > 0.
        dy: like y, the loss gradient of the output.
        dx: like y; overwritten.
        scratch: where temporary arrays come from.
    """
    accelerated = kernels()
    if accelerated and are_plain(y, dy, dx):
        accelerated.relu_gradient(y.reshape(-1), dy.reshape(-1), dx.reshape(-1))
        return
    active = scratch("active", dy.shape, np.dtype(np.bool_))
    np.greater(y, 0, out=active)
    np.multiply(dy, active, out=dx)

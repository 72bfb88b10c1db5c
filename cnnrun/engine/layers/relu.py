"""The rectified linear unit: what is positive passes, all else becomes zero."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.kernels.activation import relu_gradient
from cnnrun.engine.layer import LAYERS, Layer
from cnnrun.engine.types import Array

__all__ = ["ReLU"]


@LAYERS.register("relu")
class ReLU(Layer):
    """y = max(x, 0), and dx = dy where x > 0: the derivative at 0 is taken as 0."""

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return max(x, 0); y itself is kept, since y > 0 exactly where x > 0."""
        y = ctx.saved["y"] = ctx.buffer("y", x.shape, self.dtype)
        return np.maximum(x, 0, out=y)

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dy where the unit was active, 0 elsewhere."""
        dx = ctx.buffer("dx", dy.shape, self.dtype)
        relu_gradient(ctx.saved["y"], dy, dx, ctx.buffer)
        return dx

    def branches(self, ctx: Context) -> list[Array]:
        """Return which units were active."""
        return [ctx.saved["y"] > 0]

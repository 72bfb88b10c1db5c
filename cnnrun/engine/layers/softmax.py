"""Softmax as a layer: scores become probabilities that add up to one."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, Layer
from cnnrun.engine.types import Array

__all__ = ["Softmax"]


@LAYERS.register("softmax")
class Softmax(Layer):
    """y = exp(x) / sum of exp(x), over the last axis; dx = y (dy - sum of dy y).

    Every output depends on every input of its row, which is the coupling term in dx. With the
    loss softmax_cross_entropy, which has a softmax of its own, leave this layer out.
    """

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the probabilities; they are kept for backward."""
        y = ctx.saved["y"] = ctx.buffer("y", x.shape, self.dtype)
        np.subtract(x, x.max(axis=-1, keepdims=True), out=y)  # no exponent is positive
        np.exp(y, out=y)
        y /= y.sum(axis=-1, keepdims=True)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return y (dy - sum of dy y)."""
        y: Array = ctx.saved["y"]
        dx = np.multiply(dy, y, out=ctx.buffer("dx", dy.shape, self.dtype))
        coupling = dx.sum(axis=-1, keepdims=True)
        np.subtract(dy, coupling, out=dx)
        return np.multiply(dx, y, out=dx)

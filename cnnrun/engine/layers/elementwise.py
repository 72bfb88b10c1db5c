"""What activation layers share: a function of each number alone, and its derivative."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import Layer
from cnnrun.engine.types import Array

__all__ = ["Elementwise"]


class Elementwise(Layer):
    """y = f(x) number by number, and dx = dy f'(x). A subclass gives f and f'."""

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        raise NotImplementedError

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope; y is f(x)."""
        raise NotImplementedError

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return f(x); x and y are kept, for the derivative."""
        y = ctx.buffer("y", x.shape, self.dtype)
        self.function(x, y)
        ctx.saved.update(x=x, y=y)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dy f'(x)."""
        slope = ctx.buffer("dx", dy.shape, self.dtype)
        self.derivative(ctx.saved["x"], ctx.saved["y"], slope)
        return np.multiply(dy, slope, out=slope)

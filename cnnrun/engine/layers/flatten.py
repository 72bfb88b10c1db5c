"""Flatten: an image becomes the vector of its values, rows first."""

from __future__ import annotations

from math import prod

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer
from cnnrun.engine.types import Array, Shape

__all__ = ["Flatten"]


@LAYERS.register("flatten")
class Flatten(Layer):
    """y[n] = the values of x[n] in row-major order (height, width, channels)."""

    def build(self, build: Build) -> Shape:
        """Return the length of the vector."""
        return (prod(self.input_shape),)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return x as rows."""
        return x.reshape(len(x), -1)

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dy in the shape of the input."""
        return dy.reshape(len(dy), *self.input_shape) if ctx.needs_input_gradient else NO_GRADIENT

"""Dropout: in training, random activations are silenced."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, Layer, LayerConfig
from cnnrun.engine.types import Array, Fraction

__all__ = ["Dropout"]


@LAYERS.register("dropout")
class Dropout(Layer):
    """y = x m / (1 - rate) with a random 0/1 mask m in training; y = x otherwise.

    Source: Srivastava et al. 2014, in the inverted form. The mask derives from (seed, step,
    layer, shard), so that a resumed run draws it again.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """The chance of an activation to be silenced."""

        rate: Fraction = 0.5

    config: Config

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return x with its mask; the scaled mask is kept."""
        ctx.saved["scale"] = None
        if not ctx.training or not self.config.rate:
            return x
        scale = ctx.saved["scale"] = ctx.buffer("scale", x.shape, self.dtype)
        ctx.uniform(scale)
        np.greater_equal(scale, np.float32(self.config.rate), out=scale)
        scale *= 1 / (1 - self.config.rate)
        return np.multiply(x, scale, out=ctx.buffer("y", x.shape, self.dtype))

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dy with the same mask."""
        scale: Array | None = ctx.saved["scale"]
        if scale is None:
            return dy
        return np.multiply(dy, scale, out=ctx.buffer("dx", dy.shape, self.dtype))

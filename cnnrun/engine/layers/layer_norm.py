"""Layer normalisation: each sample gets mean 0 and variance 1 by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.kernels.reductions import sum_rows
from cnnrun.engine.layer import LAYERS, Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Positive, Shape

__all__ = ["LayerNorm"]


@LAYERS.register("layer_norm")
class LayerNorm(Layer):
    """y = gamma h + beta with h = (x - mean) / sqrt(var + epsilon), over each sample's values.

        dx = (g - mean(g) - h mean(g h)) / sqrt(var + epsilon), with g = gamma dy

    `over: channels` normalises each pixel's channels, `over: all` the whole sample.
    Source: Ba et al. 2016.

    Parameters: `gamma`, `beta`, shaped like what is normalised.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """What one mean is taken over."""

        over: Literal["channels", "all"] = "channels"
        epsilon: Positive = 1e-5

    config: Config

    def build(self, build: Build) -> Shape:
        """Create the parameters."""
        shape = self.input_shape[-1:] if self.config.over == "channels" else self.input_shape
        self.axes = tuple(range(-len(shape), 0))
        self.params["gamma"] = np.ones(shape, self.dtype)
        self.params["beta"] = np.zeros(shape, self.dtype)
        return self.input_shape

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the normalised x; h and 1 / deviation are kept."""
        h = ctx.buffer("h", x.shape, self.dtype)
        y = ctx.buffer("y", x.shape, self.dtype)
        np.subtract(x, x.mean(axis=self.axes, keepdims=True), out=h)
        np.multiply(h, h, out=y)
        inverse = 1 / np.sqrt(y.mean(axis=self.axes, keepdims=True) + self.config.epsilon)
        inverse = inverse.astype(self.dtype, copy=False)
        h *= inverse
        ctx.saved.update(h=h, inverse=inverse)
        np.multiply(h, self.params["gamma"], out=y)
        y += self.params["beta"]
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx; dgamma = sum of dy h and dbeta = sum of dy, over the samples."""
        h, gamma = ctx.saved["h"], self.params["gamma"]
        inverse: Array = ctx.saved["inverse"]
        dx: Array = np.multiply(dy, h, out=ctx.buffer("dx", dy.shape, self.dtype))
        for name, products in (("gamma", dx), ("beta", dy)):
            sum_rows(
                products.reshape(-1, gamma.size),  # (N*H*W, C), or (N, H*W*C)
                ctx.gradient(name, gamma).reshape(-1),
                ctx.buffer,
            )
        dx *= gamma
        coupling = dx.mean(axis=self.axes, keepdims=True)
        g = np.multiply(dy, gamma, out=ctx.buffer("g", dy.shape, self.dtype))
        g -= g.mean(axis=self.axes, keepdims=True)
        np.multiply(h, coupling, out=dx)
        np.subtract(g, dx, out=dx)
        np.multiply(dx, inverse, out=dx)
        return dx

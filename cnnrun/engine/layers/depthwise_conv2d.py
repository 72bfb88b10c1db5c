"""Depthwise convolution: every channel has filters of its own."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import Window, require_image
from cnnrun.engine.initializers import HeNormal, Initializer
from cnnrun.engine.kernels import depthwise
from cnnrun.engine.kernels.reductions import add_bias, sum_rows
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Padding, Pair, PositiveInt, Shape

__all__ = ["DepthwiseConv2D"]


@LAYERS.register("depthwise_conv2d")
class DepthwiseConv2D(Layer):
    """y[n,i,j,c*M+m] = b[c*M+m] + sum over p,q of w[p,q,c,m] x[n, i*s + p*d, j*s + q*d, c].

    Parameters: `w` `(KH, KW, C, M)`, M being `depth_multiplier`, and `b` `(C*M,)`.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """Sizes are one number for both axes, or [height, width]."""

        kernel_size: Pair
        depth_multiplier: PositiveInt = 1
        stride: Pair = 1
        padding: Padding = "valid"
        dilation: Pair = 1
        use_bias: bool = True
        initializer: Initializer = HeNormal()

    config: Config

    def build(self, build: Build) -> Shape:
        """Create the filters and the bias."""
        config = self.config
        height, width, channels = require_image(self.input_shape, "depthwise_conv2d")
        self.window = Window.fit(
            (height, width),
            config.kernel_size,
            config.stride,
            config.padding,
            config.dilation,
        )
        taps, multiplier = prod(self.window.kernel), config.depth_multiplier
        shape = (*self.window.kernel, channels, multiplier)
        self.params["w"] = build.initialize(config.initializer, shape, taps, taps * multiplier)
        if config.use_bias:
            self.params["b"] = np.zeros(channels * multiplier, self.dtype)
        return (*self.window.output_size, channels * multiplier)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return each channel's convolutions, plus the bias."""
        ctx.saved["x"] = x  # dw needs the input
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        depthwise.convolve(x, self.params["w"], self.window, y, ctx.buffer)
        if self.config.use_bias:
            add_bias(y, self.params["b"], ctx.buffer)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx; dw and db are sums over samples and positions."""
        x, w = ctx.saved["x"], self.params["w"]
        dw = ctx.gradient("w", w)
        depthwise.filter_gradient(x, dy, self.window, dw, ctx.buffer)
        if self.config.use_bias:
            db = ctx.gradient("b", self.params["b"])
            sum_rows(dy, db, ctx.buffer)
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", x.shape, self.dtype)
        depthwise.input_gradient(dy, w, self.window, dx, ctx.buffer)
        return dx

    def multiply_adds(self) -> int:
        """Every output is a product with one channel's filter."""
        return prod(self.output_shape) * prod(self.window.kernel)

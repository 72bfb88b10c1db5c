"""The convolution layer: filters slide over the image, each giving one output channel."""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd, prod

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import Window, require_image
from cnnrun.engine.initializers import HeNormal, Initializer
from cnnrun.engine.kernels import convolution
from cnnrun.engine.kernels.reductions import sum_rows
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Padding, Pair, PositiveInt, Shape
from cnnrun.errors import ShapeError

__all__ = ["Conv2D"]


@LAYERS.register("conv2d")
class Conv2D(Layer):
    """y[n,i,j,f] = b[f] + sum over p,q,c of w[p,q,c,f] x[n, i*s + p*d, j*s + q*d, c].

    This is cross-correlation, as the lecture and every framework use the word convolution. With
    groups, each block of `filters / groups` filters sees one block of `channels / groups` channels.

    Parameters: `w` `(KH, KW, C / groups, F)` and `b` `(F,)`.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """Sizes are one number for both axes, or [height, width]."""

        filters: PositiveInt
        kernel_size: Pair
        stride: Pair = 1
        padding: Padding = "valid"
        dilation: Pair = 1
        groups: PositiveInt = 1
        use_bias: bool = True
        initializer: Initializer = HeNormal()

    config: Config

    def build(self, build: Build) -> Shape:
        """Create the filters and the bias."""
        config = self.config
        height, width, channels = require_image(self.input_shape, "conv2d")
        if (common := gcd(channels, config.filters)) % config.groups:
            fitting = [str(size) for size in range(1, common + 1) if common % size == 0]
            raise ShapeError(
                f"groups {config.groups} must divide both the {channels} channels of the input "
                f"and the {config.filters} filters; possible: {', '.join(fitting)}",
                option="groups",
            )
        self.window = Window.fit(
            (height, width),
            config.kernel_size,
            config.stride,
            config.padding,
            config.dilation,
        )
        shape = (*self.window.kernel, channels // config.groups, config.filters)
        fan_out = prod(self.window.kernel) * config.filters // config.groups
        self.params["w"] = build.initialize(config.initializer, shape, prod(shape[:3]), fan_out)
        if config.use_bias:
            self.params["b"] = np.zeros(config.filters, self.dtype)
        return (*self.window.output_size, config.filters)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the convolution of x with the filters, plus the bias."""
        ctx.saved["x"] = x  # dw needs the input; its columns are gathered again
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        w, b = self.params["w"], self.params.get("b")
        convolution.convolve(ctx.method, x, w, b, self.window, y, ctx.buffer)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx = Full Convolution(rotated w, dy); dw = Convolution(x, dy), db = sum of dy."""
        x, w = ctx.saved["x"], self.params["w"]
        dw = ctx.gradient("w", w)
        convolution.filter_gradient(ctx.method, x, dy, self.window, dw, ctx.buffer)
        if self.config.use_bias:
            db = ctx.gradient("b", self.params["b"])
            sum_rows(dy, db, ctx.buffer)
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", x.shape, self.dtype)
        convolution.input_gradient(ctx.method, dy, w, self.window, dx, ctx.buffer)
        return dx

    def multiply_adds(self) -> int:
        """Every output is a product with one filter."""
        return prod(self.output_shape[:2]) * self.params["w"].size

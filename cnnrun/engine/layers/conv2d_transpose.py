"""Transposed convolution: what takes a convolution's errors back to its input, as a layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import Window, require_image, transposed_size
from cnnrun.engine.initializers import HeNormal, Initializer
from cnnrun.engine.kernels import convolution
from cnnrun.engine.kernels.reductions import add_bias, sum_rows
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.types import (
    Array,
    NonNegativeInt,
    Padding,
    Pair,
    PositiveInt,
    Shape,
    as_pair,
)
from cnnrun.errors import OptionError

__all__ = ["Conv2DTranspose"]


@LAYERS.register("conv2d_transpose")
class Conv2DTranspose(Layer):
    """y[n, i*s + p*d - pad, j*s + q*d - pad, f] += w[p,q,f,c] x[n,i,j,c], then + b[f].

    The adjoint of a conv2d with the same options that would map this layer's output to its input:
    forward is that convolution's input gradient, and backward its forward pass. The output size
    is `(in - 1) s - 2p + d(k - 1) + 1 + output_padding`; with padding `same` it is `in * s`.

    Parameters: `w` `(KH, KW, filters, C)`, the filters of that conv2d, and `b` `(filters,)`.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """Sizes are one number for both axes, or [height, width].

        `output_padding` adds rows below and columns to the right, fewer than the stride.
        """

        filters: PositiveInt
        kernel_size: Pair
        stride: Pair = 1
        padding: Padding = "valid"
        output_padding: NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt] = 0
        dilation: Pair = 1
        use_bias: bool = True
        initializer: Initializer = HeNormal()

        def __post_init__(self) -> None:
            extra, stride = as_pair(self.output_padding), as_pair(self.stride)
            if self.padding == "same" and any(extra):
                raise OptionError(
                    "output_padding", "must be 0 with padding same, which fixes the output's size"
                )
            if extra[0] >= stride[0] or extra[1] >= stride[1]:
                raise OptionError(
                    "output_padding",
                    f"{self.output_padding} must be smaller than stride {self.stride}",
                )

    config: Config

    def build(self, build: Build) -> Shape:
        """Create the filters and the bias."""
        config = self.config
        height, width, channels = require_image(self.input_shape, "conv2d_transpose")
        output = transposed_size(
            (height, width), config.kernel_size, config.stride, config.padding, config.dilation,
            config.output_padding,
        )  # fmt: skip
        self.window = Window.fit(  # of the conv2d, from this layer's output to its input
            output,
            config.kernel_size,
            config.stride,
            config.padding,
            config.dilation,
        )
        taps = prod(self.window.kernel)
        self.params["w"] = build.initialize(
            config.initializer,
            (*self.window.kernel, config.filters, channels),
            taps * channels,
            taps * config.filters,
        )
        if config.use_bias:
            self.params["b"] = np.zeros(config.filters, self.dtype)
        return (*output, config.filters)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return each value times the filters, added where its window lies, plus the bias."""
        ctx.saved["x"] = x  # dw needs the input
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        w = self.params["w"]
        convolution.input_gradient(ctx.method, x, w, self.window, y, ctx.buffer)
        if self.config.use_bias:
            add_bias(y, self.params["b"], ctx.buffer)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx = Convolution(dy, w); dw has the roles of x and dy exchanged."""
        x, w = ctx.saved["x"], self.params["w"]
        dw = ctx.gradient("w", w)
        convolution.filter_gradient(ctx.method, dy, x, self.window, dw, ctx.buffer)
        if self.config.use_bias:
            db = ctx.gradient("b", self.params["b"])
            sum_rows(dy, db, ctx.buffer)
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", x.shape, self.dtype)
        convolution.convolve(ctx.method, dy, w, None, self.window, dx, ctx.buffer)
        return dx

    def multiply_adds(self) -> int:
        """Every input value meets every filter once."""
        return prod(self.input_shape[:2]) * self.params["w"].size

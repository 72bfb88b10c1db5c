"""Average pooling: each window passes its mean on, and spreads the error evenly."""

from __future__ import annotations

from dataclasses import dataclass

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import Window, require_image
from cnnrun.engine.kernels.average_pooling import average_pool, average_pool_gradient, window_counts
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Padding, Pair, Shape

__all__ = ["AvgPool2D"]


@LAYERS.register("avg_pool2d")
class AvgPool2D(Layer):
    """y = the mean of each window; the error, times 1/(N*N), goes to the whole window."""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """Sizes are one number for both axes, or [height, width]; stride defaults to pool_size.

        With `count_padding` the zeros of the padding count as part of a window.
        """

        pool_size: Pair = 2
        stride: Pair | None = None
        padding: Padding = "valid"
        count_padding: bool = True

    config: Config

    def build(self, build: Build) -> Shape:
        """Place the window."""
        height, width, channels = require_image(self.input_shape, "avg_pool2d")
        self.window = Window.for_pooling(
            (height, width), self.config.pool_size, self.config.stride, self.config.padding
        )
        self.counts = window_counts(self.window, self.config.count_padding, self.dtype)
        return (*self.window.output_size, channels)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the means; nothing is kept."""
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        average_pool(x, self.window, self.counts, y, ctx.buffer)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx: each error spread over its window, added up where windows overlap."""
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", (len(dy), *self.input_shape), self.dtype)
        average_pool_gradient(dy, self.window, self.counts, dx, ctx.buffer)
        return dx

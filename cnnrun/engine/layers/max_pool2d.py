"""Max pooling: each window passes its largest value on, and takes the whole error back."""

from __future__ import annotations

from dataclasses import dataclass

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import Window, require_image
from cnnrun.engine.kernels.max_pooling import max_pool, max_pool_gradient
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.types import Array, Padding, Pair, Shape

__all__ = ["MaxPool2D"]


@LAYERS.register("max_pool2d")
class MaxPool2D(Layer):
    """y = the maximum of each window; the error is assigned to where the maximum came from.

    On a tie the first cell of the window in row-major order wins. Padding never wins.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """Sizes are one number for both axes, or [height, width]; stride defaults to pool_size."""

        pool_size: Pair = 2
        stride: Pair | None = None
        padding: Padding = "valid"

    config: Config

    def build(self, build: Build) -> Shape:
        """Place the window."""
        height, width, channels = require_image(self.input_shape, "max_pool2d")
        self.window = Window.for_pooling(
            (height, width), self.config.pool_size, self.config.stride, self.config.padding
        )
        return (*self.window.output_size, channels)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the maxima; what is kept is which tap of each window won."""
        shape = (len(x), *self.output_shape)
        taps = self.window.kernel[0] * self.window.kernel[1]
        y = ctx.buffer("y", shape, self.dtype)
        winner = ctx.buffer("winner", shape, "uint8" if taps <= 256 else "int32")
        max_pool(x, self.window, y, winner, ctx.buffer)
        ctx.saved["winner"] = winner
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx: each error at the cell that won, added up where windows overlap."""
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", (len(dy), *self.input_shape), self.dtype)
        max_pool_gradient(dy, ctx.saved["winner"], self.window, dx, ctx.buffer)
        return dx

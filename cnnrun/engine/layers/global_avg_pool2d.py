"""Global average pooling: each channel becomes its mean over the image."""

from __future__ import annotations

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import require_image
from cnnrun.engine.kernels.reductions import pixel_means
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer
from cnnrun.engine.types import Array, Shape

__all__ = ["GlobalAvgPool2D"]


@LAYERS.register("global_avg_pool2d")
class GlobalAvgPool2D(Layer):
    """y[n,c] = the mean of x[n,:,:,c]; the error, over H*W, goes to every pixel."""

    def build(self, build: Build) -> Shape:
        """Return one value a channel."""
        height, width, channels = require_image(self.input_shape, "global_avg_pool2d")
        self.pixels = height * width
        return (channels,)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the means; nothing is kept."""
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        pixel_means(x, y, ctx.buffer)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dy / (H*W) at every pixel."""
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", (len(dy), *self.input_shape), self.dtype)
        dx[...] = (dy / self.pixels)[:, None, None, :]
        return dx

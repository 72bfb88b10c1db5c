"""Upsampling: the image a whole number of times as high and as wide, without parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import require_image
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.network import require_size
from cnnrun.engine.types import Array, DType, Pair, Shape, as_pair

__all__ = ["Upsample2D"]


@LAYERS.register("upsample2d")
class Upsample2D(Layer):
    """y = R x C^T for every channel, and dx = R^T dy C; R and C hold what each output is made of.

    `nearest` repeats each pixel, so that its dx is the sum of its copies' dy. `bilinear` weighs the
    two nearest rows, and columns, by how near their centres are; beyond the outermost centres the
    image goes on as it ends (PyTorch's align_corners=False).
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """`factor` is a number for both sides, or (height, width)."""

        factor: Pair = 2
        method: Literal["nearest", "bilinear"] = "nearest"

    config: Config

    def build(self, build: Build) -> Shape:
        """Work out the output's size, and the weights of bilinear interpolation."""
        height, width, channels = require_image(self.input_shape, "upsample2d")
        self.factor = as_pair(self.config.factor)
        large = height * self.factor[0], width * self.factor[1], channels
        require_size(large)
        if self.config.method == "bilinear":
            self.rows = _weights(height, self.factor[0], build.dtype)
            self.columns = _weights(width, self.factor[1], build.dtype)
        return large

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return the larger images."""
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        if self.config.method == "bilinear":
            return _resample(x, self.rows, self.columns, y, ctx)
        self._blocks(y)[...] = x[:, :, None, :, None]
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return to each pixel what its share in the outputs brings back."""
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", (len(dy), *self.input_shape), self.dtype)
        if self.config.method == "bilinear":
            return _resample(dy, self.rows.T, self.columns.T, dx, ctx)
        return np.sum(self._blocks(dy), axis=(2, 4), out=dx)

    def _blocks(self, large: Array) -> Array:
        """Return an image of the output's size as `(N, H, FH, W, FW, C)`."""
        height, width, channels = self.input_shape
        return large.reshape(len(large), height, self.factor[0], width, self.factor[1], channels)


def _weights(size: int, factor: int, dtype: DType) -> Array:
    """Return how much of each row `(size)` is in each row of the larger image `(size * factor)`."""
    centres = (np.arange(size * factor) + 0.5) / factor - 0.5
    inside = np.clip(centres, 0, size - 1)[:, None]
    weights: Array = np.maximum(0, 1 - np.abs(inside - np.arange(size))).astype(dtype)
    return weights


def _resample(images: Array, rows: Array, columns: Array, out: Array, ctx: Context) -> Array:
    """Write rows @ image @ columns^T of each channel of `images` into `out`."""
    samples, _, width, channels = images.shape
    high = ctx.buffer(f"high {width}", (samples, len(rows), width, channels), images.dtype)
    flat = images.reshape(samples, -1, width * channels)
    np.matmul(rows, flat, out=high.reshape(samples, -1, width * channels))  # (OH, H) @ (H, W*C)
    return np.matmul(columns, high, out=out)  # (OW, W) @ (W, C), for every row

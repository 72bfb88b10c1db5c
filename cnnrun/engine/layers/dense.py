"""The dense layer: every output is a weighted sum of every input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.initializers import HeNormal, Initializer
from cnnrun.engine.kernels.matmul import times_transposed
from cnnrun.engine.kernels.reductions import sum_rows
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array, PositiveInt, Shape
from cnnrun.errors import ShapeError

__all__ = ["Dense"]


@LAYERS.register("dense")
class Dense(Layer):
    """y = x w + b.

    Backward is steps 3 and 4 of the lecture's algorithm, for a batch of rows:
    dx = dy w^T, dw = x^T dy, db = sum of dy over the batch.

    Parameters: `w` `(in, units)` and `b` `(units,)`.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """`units: classes` is the number of classes of the data set."""

        units: PositiveInt | Literal["classes"]
        use_bias: bool = True
        initializer: Initializer = HeNormal()

    config: Config

    def build(self, build: Build) -> Shape:
        """Create the weights and the bias."""
        if len(self.input_shape) != 1:
            raise ShapeError(
                f"dense needs a vector for each sample, got {format_size(self.input_shape)}"
                "; put flatten or global_avg_pool2d before it"
            )
        units = build.classes if self.config.units == "classes" else self.config.units
        if units is None:
            raise ShapeError("units: classes needs a data set with classes", option="units")
        inputs = self.input_shape[0]
        self.params["w"] = build.initialize(self.config.initializer, (inputs, units), inputs, units)
        if self.config.use_bias:
            self.params["b"] = np.zeros(units, self.dtype)
        return (units,)

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return x w + b."""
        ctx.saved["x"] = x  # dw is a product with the input
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        np.matmul(x, self.params["w"], out=y)  # (N, in) @ (in, units)
        if self.config.use_bias:
            y += self.params["b"]
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return dx = dy w^T; dw = x^T dy, db = the sum of dy over the batch."""
        w, x = self.params["w"], ctx.saved["x"]
        dw = ctx.gradient("w", w)
        np.matmul(x.T, dy, out=dw)  # (in, N) @ (N, units)
        if self.config.use_bias:
            db = ctx.gradient("b", self.params["b"])
            sum_rows(dy, db, ctx.buffer)
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        dx = ctx.buffer("dx", (len(dy), *self.input_shape), self.dtype)
        times_transposed(dy, w, dx, ctx.buffer)  # (N, units) @ (units, in)
        return dx

    def multiply_adds(self) -> int:
        """One for every weight."""
        return self.params["w"].size

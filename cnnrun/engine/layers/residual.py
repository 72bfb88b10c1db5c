"""The residual block: a branch of layers learns what to add to its own input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.names import format_size
from cnnrun.engine.network import Sequential
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import ShapeError

__all__ = ["Residual"]


@LAYERS.register("residual")
class Residual(Layer):
    """y = branch(x) + shortcut(x); the error goes back along both, and their dx add up.

    Without a shortcut x itself is added. Source: He et al. 2016.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """`shortcut` projects x where the branch changes its shape."""

        branch: tuple[LayerConfig, ...]
        shortcut: tuple[LayerConfig, ...] = ()

    config: Config

    def build(self, build: Build) -> Shape:
        """Build branch and shortcut."""
        self.branch = Sequential(self.config.branch, self.input_shape, build.child(0), "branch")
        self.shortcut = Sequential(
            self.config.shortcut, self.input_shape, build.child(1), "shortcut"
        )
        out, short = self.branch.output_shape, self.shortcut.output_shape
        if out != short:
            raise ShapeError(
                f"the branch gives {format_size(out)} and the shortcut "
                f"{format_size(short)}; project it with a shortcut such as "
                f"- conv2d: {{filters: {out[-1]}, kernel_size: 1}}",
                option="branch",
                is_uneven=len(out) == len(short) and out[:-1] != short[:-1],
            )
        return out

    def sequences(self) -> dict[str, Sequential]:
        """Return both."""
        return {"branch": self.branch, "shortcut": self.shortcut}

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return branch(x) + shortcut(x)."""
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        branch = self.branch.forward(x, ctx.child(0, "branch"))
        return np.add(branch, self.shortcut.forward(x, ctx.child(1, "shortcut")), out=y)

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return the sum of both paths' dx."""
        inner = ctx.child(0, "branch"), ctx.child(1, "shortcut")
        for child in inner:
            child.needs_input_gradient = ctx.needs_input_gradient
        branch = self.branch.backward(dy, inner[0])
        shortcut = self.shortcut.backward(dy, inner[1])
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        return np.add(branch, shortcut, out=ctx.buffer("dx", branch.shape, self.dtype))

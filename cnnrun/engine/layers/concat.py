"""The skip of a U-Net: what a branch of layers makes of its input stands beside that input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, NO_GRADIENT, Build, Layer, LayerConfig
from cnnrun.engine.names import format_size
from cnnrun.engine.network import Sequential
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import ShapeError

__all__ = ["Concat"]


@LAYERS.register("concat")
class Concat(Layer):
    """y = [branch(x), shortcut(x)] along the channels; each takes its part of dy, the dx add up.

    Without a shortcut x itself stands behind the branch. Source: Ronneberger et al. 2015.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """`shortcut` changes x before it is put beside the branch."""

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
        if out[:-1] != short[:-1]:
            raise ShapeError(
                f"the branch gives {format_size(out)} and the shortcut {format_size(short)}; "
                "beside each other they must agree in height and width",
                option="branch",
                is_uneven=len(out) == len(short),
            )
        return (*out[:-1], out[-1] + short[-1])

    def sequences(self) -> dict[str, Sequential]:
        """Return both."""
        return {"branch": self.branch, "shortcut": self.shortcut}

    def forward(self, x: Array, ctx: Context) -> Array:
        """Return branch(x) and shortcut(x) in one array."""
        y = ctx.buffer("y", (len(x), *self.output_shape), self.dtype)
        branch = self.branch.forward(x, ctx.child(0, "branch"))
        shortcut = self.shortcut.forward(x, ctx.child(1, "shortcut"))
        np.concatenate((branch, shortcut), axis=-1, out=y)
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        """Return the sum of both paths' dx."""
        channels = self.branch.output_shape[-1]
        branch = self._back(0, "branch", dy[..., :channels], ctx)
        shortcut = self._back(1, "shortcut", dy[..., channels:], ctx)
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        return np.add(branch, shortcut, out=ctx.buffer("dx", branch.shape, self.dtype))

    def _back(self, place: int, side: str, dy: Array, ctx: Context) -> Array:
        """Return the dx of one path for its channels of dy."""
        inner = ctx.child(place, side)
        inner.needs_input_gradient = ctx.needs_input_gradient
        own = ctx.buffer(f"dy of {side}", dy.shape, self.dtype)
        own[...] = dy  # contiguous, as layers are fastest
        return self.sequences()[side].backward(own, inner)

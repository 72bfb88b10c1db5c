"""The leaky ReLU: what is negative passes too, but scaled down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, LayerConfig
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array, NonNegative

__all__ = ["LeakyReLU"]


@LAYERS.register("leaky_relu")
class LeakyReLU(Elementwise):
    """y = x where x > 0, else s x. Source: Maas et al. 2013. The derivative at 0 is s."""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """The slope s on the negative side."""

        negative_slope: NonNegative = 0.01

    config: Config

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        np.multiply(x, self.config.negative_slope, out=y)
        np.copyto(y, x, where=x > 0)

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope."""
        slope.fill(self.config.negative_slope)
        np.copyto(slope, 1, where=x > 0)

    def branches(self, ctx: Context) -> list[Array]:
        """Return which units were positive."""
        return [ctx.saved["x"] > 0]

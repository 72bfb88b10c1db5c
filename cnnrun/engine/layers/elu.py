"""The exponential linear unit: like ReLU, but it bends smoothly towards a floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import LAYERS, LayerConfig
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array, Positive

__all__ = ["ELU"]


@LAYERS.register("elu")
class ELU(Elementwise):
    """y = x where x > 0, else a (exp(x) - 1). Source: Clevert et al. 2016."""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """The floor is -alpha."""

        alpha: Positive = 1.0

    config: Config

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        np.minimum(x, 0, out=y)
        np.expm1(y, out=y)
        y *= self.config.alpha
        np.copyto(y, x, where=x > 0)

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope: a exp(x) = y + a on the negative side."""
        np.minimum(x, 0, out=slope)
        np.exp(slope, out=slope)
        slope *= self.config.alpha
        np.copyto(slope, 1, where=x > 0)

    def branches(self, ctx: Context) -> list[Array]:
        """Return which units were positive."""
        return [ctx.saved["x"] > 0]

"""The sigmoid linear unit, also called swish: x weighted by its own sigmoid."""

from __future__ import annotations

from cnnrun.engine.kernels.special import sigmoid
from cnnrun.engine.layer import LAYERS
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array

__all__ = ["SiLU"]


@LAYERS.register("silu")
class SiLU(Elementwise):
    """y = x s(x) with s the sigmoid, and f' = s + y (1 - s). Source: Elfwing et al. 2018."""

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        sigmoid(x, y)
        y *= x

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope."""
        sigmoid(x, slope)
        slope += y * (1 - slope)

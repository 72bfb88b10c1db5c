"""The hyperbolic tangent: squeezes every number into (-1, 1)."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.layer import LAYERS
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array

__all__ = ["Tanh"]


@LAYERS.register("tanh")
class Tanh(Elementwise):
    """y = tanh(x), and f' = 1 - y^2."""

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        np.tanh(x, out=y)

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope."""
        np.multiply(y, y, out=slope)
        np.subtract(1, slope, out=slope)

"""The sigmoid: squeezes every number into (0, 1)."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.kernels.special import sigmoid
from cnnrun.engine.layer import LAYERS
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array

__all__ = ["Sigmoid"]


@LAYERS.register("sigmoid")
class Sigmoid(Elementwise):
    """y = 1 / (1 + exp(-x)), and f' = y (1 - y)."""

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        sigmoid(x, y)

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope."""
        np.subtract(1, y, out=slope)
        slope *= y

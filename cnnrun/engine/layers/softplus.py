"""Softplus: a ReLU with its corner rounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.kernels.special import sigmoid
from cnnrun.engine.layer import LAYERS, LayerConfig
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array, Positive

__all__ = ["Softplus"]


@LAYERS.register("softplus")
class Softplus(Elementwise):
    """y = log(1 + exp(b x)) / b, and f' = sigmoid(b x). Source: Dugas et al. 2001."""

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """The larger beta, the sharper the corner."""

        beta: Positive = 1.0

    config: Config

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y, as log(exp(0) + exp(b x)), which cannot overflow."""
        np.multiply(x, self.config.beta, out=y)
        np.logaddexp(y, 0, out=y)
        y /= self.config.beta

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope."""
        np.multiply(x, self.config.beta, out=slope)
        sigmoid(slope, slope)

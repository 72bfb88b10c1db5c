"""The Gaussian error linear unit: x weighted by the chance that a normal draw is below it."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Literal

import numpy as np

from cnnrun.engine.kernels.special import normal_cdf
from cnnrun.engine.layer import LAYERS, LayerConfig
from cnnrun.engine.layers.elementwise import Elementwise
from cnnrun.engine.types import Array

__all__ = ["GELU"]

CUBIC = 0.044715


@LAYERS.register("gelu")
class GELU(Elementwise):
    """y = x P(x), with P the standard normal distribution; f' = P(x) + x p(x), p its density.

    `approximate: tanh` takes P(x) = (1 + tanh(u)) / 2 with u = sqrt(2/pi) (x + 0.044715 x^3).
    Source: Hendrycks & Gimpel 2016.
    """

    @dataclass(frozen=True)
    class Config(LayerConfig):
        """Exact, or by the tanh formula."""

        approximate: Literal["none", "tanh"] = "none"

    config: Config

    def function(self, x: Array, y: Array) -> None:
        """Write f(x) into y."""
        np.multiply(x, self._probability(x), out=y)

    def derivative(self, x: Array, y: Array, slope: Array) -> None:
        """Write f'(x) into slope."""
        near = np.clip(x, -40, 40)  # beyond, the density is 0 in any float
        probability = self._probability(x)
        if self.config.approximate == "tanh":
            inner = sqrt(2 / pi) * (1 + 3 * CUBIC * near * near)
            density = 2 * probability * (1 - probability) * inner
        else:
            density = np.exp(-near * near / 2) / sqrt(2 * pi)
        np.add(probability, near * density, out=slope)

    def _probability(self, x: Array) -> Array:
        near = np.clip(x, -40, 40)
        if self.config.approximate == "tanh":
            u = sqrt(2 / pi) * (near + CUBIC * near * near * near)
            probability: Array = (1 + np.tanh(u)) / 2
            return probability
        return normal_cdf(near)

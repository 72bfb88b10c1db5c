"""Adam: steps scaled by running moments of the gradient."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from cnnrun.engine.optimizers.base import OPTIMIZERS, Optimizer
from cnnrun.engine.types import Array, Fraction, Positive

__all__ = ["Adam"]


@OPTIMIZERS.register("adam")
@dataclass(frozen=True)
class Adam(Optimizer):
    """m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; p = p - lr m' / (sqrt(v') + epsilon).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) undo the bias towards their start at zero.
    Source: Kingma & Ba 2015.
    """

    slots = ("mean", "square")

    learning_rate: Positive = 1e-3
    beta1: Fraction = 0.9
    beta2: Fraction = 0.999
    epsilon: Positive = 1e-8

    def update_chunk(
        self, p: Array, g: Array, slots: list[Array], learning_rate: float, decay: float, step: int
    ) -> None:
        """Change a piece of one parameter in place."""
        if decay:
            g += decay * p
        self.move(p, g, slots, learning_rate, step)

    def move(self, p: Array, g: Array, slots: list[Array], learning_rate: float, step: int) -> None:
        """Do the step proper, after weight decay."""
        mean, square = slots
        mean += (1 - self.beta1) * (g - mean)
        square *= self.beta2
        square += (1 - self.beta2) * np.square(g)
        np.sqrt(square, out=g)
        g /= sqrt(1 - self.beta2**step)
        g += self.epsilon
        np.divide(mean, g, out=g)
        g *= learning_rate / (1 - self.beta1**step)
        p -= g

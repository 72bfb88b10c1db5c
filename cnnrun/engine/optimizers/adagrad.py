"""Adagrad: steps divided by the root of all squared gradients so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.optimizers.base import OPTIMIZERS, Optimizer
from cnnrun.engine.types import Array, NonNegative, Positive

__all__ = ["Adagrad"]


@OPTIMIZERS.register("adagrad")
@dataclass(frozen=True)
class Adagrad(Optimizer):
    """s = s + g^2; p = p - lr g / (sqrt(s) + epsilon). Source: Duchi et al. 2011."""

    slots = ("square",)

    epsilon: Positive = 1e-10
    initial_accumulator: NonNegative = 0.0

    def initial_value(self, slot: str) -> float:
        """Return the sum of squares to start from."""
        return self.initial_accumulator

    def update_chunk(
        self, p: Array, g: Array, slots: list[Array], learning_rate: float, decay: float, step: int
    ) -> None:
        """Change a piece of one parameter in place."""
        if decay:
            g += decay * p
        (square,) = slots
        square += np.square(g)
        g /= np.sqrt(square) + self.epsilon
        g *= learning_rate
        p -= g

"""RMSprop: steps divided by a running root mean square of the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.optimizers.base import OPTIMIZERS, Optimizer
from cnnrun.engine.types import Array, Fraction, Positive

__all__ = ["RMSprop"]


@OPTIMIZERS.register("rmsprop")
@dataclass(frozen=True)
class RMSprop(Optimizer):
    """s = r s + (1 - r) g^2; p = p - lr g / (sqrt(s) + epsilon), r being `smoothing`.

    `centered` subtracts the squared running mean of g from s; with momentum the steps are added
    up in a velocity first. Source: Hinton's lecture 6e, in PyTorch's form (alpha = smoothing).
    """

    slots = ("square", "mean", "velocity")

    smoothing: Fraction = 0.99
    epsilon: Positive = 1e-8
    momentum: Fraction = 0.0
    centered: bool = False

    def active_slots(self) -> tuple[str, ...]:
        """Return the running square, and what `centered` and `momentum` need."""
        used = {"square": True, "mean": self.centered, "velocity": bool(self.momentum)}
        return tuple(slot for slot in self.slots if used[slot])

    def update_chunk(
        self, p: Array, g: Array, slots: list[Array], learning_rate: float, decay: float, step: int
    ) -> None:
        """Change a piece of one parameter in place."""
        if decay:
            g += decay * p
        arrays = dict(zip(self.active_slots(), slots, strict=True))
        square = arrays["square"]
        square *= self.smoothing
        square += (1 - self.smoothing) * np.square(g)
        spread = square
        if self.centered:
            mean = arrays["mean"]
            mean += (1 - self.smoothing) * (g - mean)
            spread = np.maximum(square - np.square(mean), 0)  # rounding may dip below zero
        g /= np.sqrt(spread) + self.epsilon
        if self.momentum:
            velocity = arrays["velocity"]
            velocity *= self.momentum
            velocity += g
            g[...] = velocity
        g *= learning_rate
        p -= g

"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.kernels.accelerated import are_plain, kernels
from cnnrun.engine.optimizers.base import OPTIMIZERS, Optimizer
from cnnrun.engine.types import Array, Fraction
from cnnrun.errors import OptionError

__all__ = ["SGD"]


@OPTIMIZERS.register("sgd")
@dataclass(frozen=True)
class SGD(Optimizer):
    """v = m v + g; p = p - lr v, or with nesterov p = p - lr (g + m v).

    Source: Sutskever et al. 2013, in PyTorch's form, where the rate scales the velocity.
    """

    slots = ("velocity",)

    momentum: Fraction = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        if self.nesterov and not self.momentum:
            raise OptionError("nesterov", "needs a momentum greater than 0")

    def active_slots(self) -> tuple[str, ...]:
        """Return the velocity, when there is momentum."""
        return self.slots if self.momentum else ()

    def update_chunk(
        self, p: Array, g: Array, slots: list[Array], learning_rate: float, decay: float, step: int
    ) -> None:
        """Change a piece of one parameter in place."""
        accelerated = kernels()
        if accelerated and self.momentum and not self.nesterov and are_plain(p, g, *slots):
            accelerated.momentum_step(p, g, *slots, learning_rate, self.momentum, decay)
            return
        if decay:
            g += decay * p
        change = g
        if self.momentum:
            (velocity,) = slots
            velocity *= self.momentum
            velocity += g
            if self.nesterov:
                g += self.momentum * velocity
            else:
                change = velocity
        p -= np.multiply(change, learning_rate, out=g)

"""Adam with weight decay kept apart from the gradient."""

from __future__ import annotations

from dataclasses import dataclass

from cnnrun.engine.optimizers.adam import Adam
from cnnrun.engine.optimizers.base import OPTIMIZERS
from cnnrun.engine.types import Array, NonNegative

__all__ = ["AdamW"]


@OPTIMIZERS.register("adamw")
@dataclass(frozen=True)
class AdamW(Adam):
    """p = p (1 - lr decay), then Adam's step. Source: Loshchilov & Hutter 2019."""

    weight_decay: NonNegative = 0.01

    def update_chunk(
        self, p: Array, g: Array, slots: list[Array], learning_rate: float, decay: float, step: int
    ) -> None:
        """Change a piece of one parameter in place."""
        if decay:
            p *= 1 - learning_rate * decay
        self.move(p, g, slots, learning_rate, step)

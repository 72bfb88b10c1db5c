"""Huber's loss: squared error for small errors, absolute error for large ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.losses.base import LOSSES, Loss, count_terms, one_hot, require_class_scores
from cnnrun.engine.types import Array, Positive, Shape

__all__ = ["Huber"]


@LOSSES.register("huber")
@dataclass(frozen=True)
class Huber(Loss):
    """L = mean over the K outputs of h(a - t), so that dL/da = clip(a - t, -delta, delta) / K.

    h(e) = e^2 / 2 where |e| <= delta, else delta (|e| - delta / 2). With c = clip(e, -delta, delta)
    both are c (e - c / 2). `reduction: sum` adds up the outputs instead of averaging them. Either
    is averaged over the batch. Source: Huber 1964.
    """

    delta: Positive = 1.0
    reduction: Literal["mean", "sum"] = "mean"

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse outputs that labels, as one-hot rows, would not fit."""
        require_class_scores(self.type_name, output_shape, classes)

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return loss and gradient for targets like `outputs`; labels count as one-hot rows."""
        error = outputs - one_hot(targets, outputs)
        scale = batch_size * count_terms(self.reduction, outputs)
        dy = np.clip(error, -self.delta, self.delta, out=dy)
        error -= dy / 2
        total = float(np.sum(np.multiply(dy, error, dtype=np.float64)))
        dy /= scale
        return total / scale, dy

    def branches(self, outputs: Array, targets: Array) -> list[Array]:
        """Return on which side of both bends each error lies."""
        error = outputs - one_hot(targets, outputs)
        return [error > self.delta, error < -self.delta]

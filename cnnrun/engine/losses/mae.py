"""Absolute error: a loss for numbers and images that a few outliers do not rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.losses.base import LOSSES, Loss, count_terms, one_hot, require_class_scores
from cnnrun.engine.types import Array, Shape

__all__ = ["MeanAbsoluteError"]


@LOSSES.register("mae")
@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """L = mean over the K outputs of |a - t|, so that dL/da = sign(a - t) / K, which is 0 at a = t.

    `reduction: sum` adds up the outputs instead of averaging them. Either is averaged over the
    batch.
    """

    reduction: Literal["mean", "sum"] = "mean"

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse outputs that labels, as one-hot rows, would not fit."""
        require_class_scores(self.type_name, output_shape, classes)

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return loss and gradient for targets like `outputs`; labels count as one-hot rows."""
        target = one_hot(targets, outputs)
        scale = batch_size * count_terms(self.reduction, outputs)
        dy = np.subtract(outputs, target, out=dy)
        total = float(np.sum(np.abs(dy), dtype=np.float64))
        np.sign(dy, out=dy)
        dy /= scale
        return total / scale, dy

    def branches(self, outputs: Array, targets: Array) -> list[Array]:
        """Return on which side of its target each output lies."""
        target = one_hot(targets, outputs)
        return [outputs > target, outputs < target]

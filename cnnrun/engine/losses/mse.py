"""Squared error: the loss of the lecture's four-step algorithm, and of autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.kernels.reductions import sum_of_squares
from cnnrun.engine.losses.base import LOSSES, Loss, count_terms, one_hot, require_class_scores
from cnnrun.engine.types import Array, Shape

__all__ = ["MeanSquaredError"]


@LOSSES.register("mse")
@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """L = 1/2 sum over outputs of (a - t)^2, so that dL/da = -(t - a), as in the lecture's step 2.

    `reduction: mean` divides by the number of outputs and drops the 1/2, which is what frameworks
    call MSE. Either is averaged over the batch.
    """

    reduction: Literal["half_sum", "mean"] = "half_sum"

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse outputs that labels, as one-hot rows, would not fit."""
        require_class_scores(self.type_name, output_shape, classes)

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return loss and gradient for targets like `outputs`; labels count as one-hot rows."""
        target = one_hot(targets, outputs)
        dy = np.subtract(outputs, target, out=dy)
        squares = sum_of_squares(dy)
        if self.reduction == "half_sum":
            dy /= batch_size
            return squares / (2 * batch_size), dy
        scale = batch_size * count_terms(self.reduction, outputs)
        dy *= 2 / scale
        return squares / scale, dy

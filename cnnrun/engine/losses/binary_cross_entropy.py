"""Sigmoid and cross entropy as one loss: for labels that are each true or false."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import ClassVar, Self

import numpy as np

from cnnrun.engine.kernels.special import sigmoid
from cnnrun.engine.losses.base import LOSSES, Loss, one_hot, require_class_scores
from cnnrun.engine.losses.weights import Classes, ClassWeights, by_class
from cnnrun.engine.types import Array, Positive, Shape
from cnnrun.errors import DataError

__all__ = ["BinaryCrossEntropy"]

ROUNDING = 1e-4
"""How far a target may leave [0, 1]: interpolated pixels do, in their last digits."""


@LOSSES.register("binary_cross_entropy")
@dataclass(frozen=True)
class BinaryCrossEntropy(Loss):
    """L = mean over outputs of -t log p - (1 - t) log(1 - p), with p = sigmoid(z).

    dL/dz = (p - t) / K for K outputs, over the batch size. The loss is computed as
    max(z, 0) - z t + log(1 + exp(-|z|)), which cannot overflow. `pos_weight` multiplies the first
    term, of what is there, by a weight w, one for all outputs or one for each label; then dL/dz =
    (p (1 + (w - 1) t) - w t) / K.
    """

    activation: ClassVar[str] = "sigmoid"

    pos_weight: Positive | ClassWeights = None

    @property
    def is_by_class(self) -> bool:
        """Whether labels have weights of their own."""
        return self.pos_weight is not None and not isinstance(self.pos_weight, int | float)

    def for_classes(self, classes: Classes) -> Self:
        """Return the loss with its weights in the order of the labels."""
        if self.pos_weight is None or isinstance(self.pos_weight, int | float):
            return self
        return replace(self, pos_weight=classes.positive_weights(self.pos_weight))

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse outputs that are not one score a label."""
        require_class_scores(self.type_name, output_shape, classes)

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return loss and gradient for logits `(N, ...)` and targets like them in [0, 1].

        Labels `(N,)` count as one-hot rows.
        """
        target = one_hot(targets, outputs)
        if target.size and (target.min() < -ROUNDING or target.max() > 1 + ROUNDING):
            raise DataError(
                f"binary_cross_entropy takes targets in [0, 1], got values from "
                f"{target.min():.4g} to {target.max():.4g}; pixels need data: {{normalize: none}}"
            )
        scale = batch_size * prod(outputs.shape[1:])
        weights = self._weights(outputs)
        dy = np.empty_like(outputs) if dy is None else dy
        sigmoid(outputs, dy)
        if weights is None:
            losses = np.maximum(outputs, 0) - outputs * target + np.log1p(np.exp(-np.abs(outputs)))
        else:
            rest = np.log1p(np.exp(-np.abs(outputs)))  # max(z, 0) + rest is -log(1 - p)
            absent, target = 1 - target, weights * target
            losses = absent * (np.maximum(outputs, 0) + rest)
            losses += target * (np.maximum(-outputs, 0) + rest)
            dy *= absent + target
        dy -= target
        dy /= scale
        return float(np.sum(losses, dtype=np.float64)) / scale, dy

    def _weights(self, outputs: Array) -> Array | None:
        """Return what multiplies the term of what is there, a number or a row; None for nothing."""
        if isinstance(self.pos_weight, int | float):
            return np.asarray(self.pos_weight, outputs.dtype)
        return by_class("pos_weight", self.pos_weight, outputs)

    def predictions(self, outputs: Array) -> Array:
        """Return the labels' probabilities."""
        probabilities = np.empty_like(outputs)
        with np.errstate(all="ignore"):  # the sigmoid of what is very large is 1
            sigmoid(outputs, probabilities)
        return probabilities

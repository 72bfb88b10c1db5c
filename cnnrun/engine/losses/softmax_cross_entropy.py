"""Softmax and cross entropy as one loss: for one label out of several classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from cnnrun.engine.losses.base import LOSSES, Loss, one_hot, require_class_scores
from cnnrun.engine.losses.weights import Classes, ClassWeights, by_class
from cnnrun.engine.types import Array, Fraction, Shape

__all__ = ["SoftmaxCrossEntropy", "class_probabilities"]


@LOSSES.register("softmax_cross_entropy")
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """L = -sum over classes of t log p, with p = softmax(z); dL/dz = p - t, over the batch size.

    With label smoothing e over K classes the targets are t = (1 - e) onehot + e / K
    (Szegedy et al. 2016). The logarithm is that of the log-sum-exp, so it cannot overflow.
    `class_weight` multiplies each class's term by a weight w of its own: w t takes the place of t.
    The sum is over the batch size, not over the weights, so that it does not depend on the batch.
    """

    takes_arrays: ClassVar[bool] = False  # only rows of one score a class

    activation: ClassVar[str] = "softmax"

    label_smoothing: Fraction = 0.0
    class_weight: ClassWeights = None

    @property
    def is_by_class(self) -> bool:
        """Whether classes have weights."""
        return self.class_weight is not None

    def for_classes(self, classes: Classes) -> Self:
        """Return the loss with its weights in the order of the classes."""
        return replace(self, class_weight=classes.class_weights(self.class_weight))

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse outputs that are not one score a class."""
        require_class_scores(self.type_name, output_shape, classes)

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return loss and gradient for logits `(N, K)` and labels `(N,)` or targets `(N, K)`."""
        target = one_hot(targets, outputs)
        if self.label_smoothing:
            target = (1 - self.label_smoothing) * target + self.label_smoothing / target.shape[1]
            target = target.astype(outputs.dtype, copy=False)
        weights = by_class("class_weight", self.class_weight, outputs)
        if weights is not None:
            target = target * weights
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(axis=1, keepdims=True)  # (N, 1)
        loss = float(np.sum(target * (np.log(total) - shifted), dtype=np.float64))
        dy = np.divide(exponentials, total, out=dy)
        dy *= target.sum(axis=1, keepdims=True)  # 1 without weights, unless soft targets differ
        dy -= target
        dy /= batch_size
        return loss / batch_size, dy

    def predictions(self, outputs: Array) -> Array:
        """Return the classes' probabilities; of outputs that are not finite, none that are."""
        return class_probabilities(outputs)


def class_probabilities(outputs: Array) -> Array:
    """Return the softmax of logits; of outputs that are not finite, none that are."""
    with np.errstate(invalid="ignore"):
        exponentials = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        probabilities: Array = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities

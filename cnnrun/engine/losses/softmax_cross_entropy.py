"""Softmax and cross entropy as one loss: for one label out of several classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.losses.base import LOSSES, one_hot
from cnnrun.engine.losses.class_loss import ClassLoss
from cnnrun.engine.losses.weights import ClassWeights, by_class
from cnnrun.engine.types import Array, Fraction

__all__ = ["SoftmaxCrossEntropy"]


@LOSSES.register("softmax_cross_entropy")
@dataclass(frozen=True)
class SoftmaxCrossEntropy(ClassLoss):
    """L = -sum over classes of t log p, with p = softmax(z); dL/dz = p - t, over the batch size.

    With label smoothing e over K classes the targets are t = (1 - e) onehot + e / K
    (Szegedy et al. 2016). The logarithm is that of the log-sum-exp, so it cannot overflow.
    `class_weight` multiplies each class's term by a weight w of its own: w t takes the place of t.
    The sum is over the batch size, not over the weights, so that it does not depend on the batch.
    """

    label_smoothing: Fraction = 0.0
    class_weight: ClassWeights = None

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

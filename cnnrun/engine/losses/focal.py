"""Focal loss: cross entropy that counts less what is learnt already, for classes that are rare."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.losses.base import LOSSES, one_hot
from cnnrun.engine.losses.class_loss import ClassLoss
from cnnrun.engine.losses.weights import ClassWeights, by_class
from cnnrun.engine.types import Array, NonNegative

__all__ = ["Focal"]


@LOSSES.register("focal")
@dataclass(frozen=True)
class Focal(ClassLoss):
    """L = -sum over classes of w t (1 - p)^gamma log p, with p = softmax(z), over the batch size.

    With g = w t (gamma p (1 - p)^(gamma - 1) log p - (1 - p)^gamma), which is p dL/dp, the gradient
    is dL/dz = g - p sum(g). At gamma 0 it is the cross entropy. `class_weight` is w, the alpha of
    the source, and as in softmax_cross_entropy. Source: Lin et al., "Focal Loss for Dense Object
    Detection", 2017, with a softmax in the place of its sigmoid.
    """

    gamma: NonNegative = 2.0
    class_weight: ClassWeights = None

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return loss and gradient for logits `(N, K)` and labels `(N,)` or targets `(N, K)`."""
        target = one_hot(targets, outputs)
        weights = by_class("class_weight", self.class_weight, outputs)
        if weights is not None:
            target = target * weights
        shifted = outputs - outputs.max(axis=1, keepdims=True)
        exponentials = np.exp(shifted)
        total = exponentials.sum(axis=1, keepdims=True)  # (N, 1)
        logarithms = shifted - np.log(total)
        others = -np.expm1(logarithms)  # 1 - p, with all digits where p is small
        factor = others**self.gamma
        loss = -float(np.sum(target * factor * logarithms, dtype=np.float64))
        p = np.divide(exponentials, total, out=dy)
        # log p / (1 - p), which is -1 where p comes near 1
        ratio = np.divide(logarithms, others, out=-np.ones_like(others), where=others > 0)
        g = target * factor * (self.gamma * p * ratio - 1)
        dy = np.multiply(p, -g.sum(axis=1, keepdims=True), out=p)
        dy += g
        dy /= batch_size
        return loss / batch_size, dy

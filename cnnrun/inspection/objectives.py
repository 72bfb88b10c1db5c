"""The number that is differentiated: the loss of the batch, or one class score of every sample."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from cnnrun.engine import Loss
from cnnrun.engine.types import Array
from cnnrun.errors import ShapeError

__all__ = ["BatchLoss", "ClassScore", "Objective"]


class Objective(Protocol):
    """A number for every sample, and where its derivative enters the network."""

    def values(self, outputs: Array) -> Array:
        """Return the objective of each sample, `(N,)` in float64."""
        ...

    def gradient(self, outputs: Array) -> Array:
        """Return the derivative with respect to the outputs, shaped like them."""
        ...

    def each_sample_alone(self) -> Objective:
        """Return the same objective, with gradients that do not depend on the size of the batch."""
        ...


@dataclass(frozen=True)
class BatchLoss:
    """The loss: the mean over the batch, so that its gradient carries a factor 1 / N.

    Attributes:
        loss: what training minimises.
        targets: of the samples, as the loss takes them.
        batch_size: what the samples' losses are divided by; by default their number.
    """

    loss: Loss
    targets: Array
    batch_size: int | None = None

    def values(self, outputs: Array) -> Array:
        """Return each sample's loss, undivided: their mean is the loss of the batch."""
        pairs = zip(outputs, self.targets, strict=True)
        return np.array([self.loss(y[None], np.asarray(t)[None], 1)[0] for y, t in pairs])

    def gradient(self, outputs: Array) -> Array:
        """Return dL/dy, as in a training step."""
        return self.loss(outputs, self.targets, self.batch_size or len(outputs))[1]

    def each_sample_alone(self) -> BatchLoss:
        """Return the sum over the batch instead of the mean."""
        return replace(self, batch_size=1)


@dataclass(frozen=True)
class ClassScore:
    """The score of one class: the network's own output, a logit where the loss wants logits.

    The gradient is that of the sum over the batch, so that a sample's maps do not depend on the
    other samples.

    Attributes:
        classes: the class of each sample, `(N,)`.
    """

    classes: Array

    def values(self, outputs: Array) -> Array:
        """Return each sample's score."""
        self._check(outputs)
        return outputs[np.arange(len(outputs)), self.classes].astype(np.float64)

    def gradient(self, outputs: Array) -> Array:
        """Return 1 at each sample's class, 0 elsewhere."""
        self._check(outputs)
        dy = np.zeros_like(outputs)
        dy[np.arange(len(outputs)), self.classes] = 1
        return dy

    def each_sample_alone(self) -> ClassScore:
        """Return the objective as it is: the scores are not divided by the size of the batch."""
        return self

    def _check(self, outputs: Array) -> None:
        if outputs.ndim != 2:
            raise ShapeError(
                f"a class score needs outputs of shape (N, classes), got {outputs.shape}"
            )

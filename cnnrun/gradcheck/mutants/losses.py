"""Mistakes in losses: factors forgotten, and what is wrong beyond a bend or exactly on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnrun.engine import Loss
from cnnrun.engine.losses import (
    BinaryCrossEntropy,
    Focal,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from cnnrun.engine.losses.base import one_hot
from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.findings import Stage

__all__ = ["LOSS_MUTANTS", "LossMutant"]

Damage = Callable[[Array, Array, Array, int], Array]
"""Takes the right gradient, outputs a, targets t and the batch size; returns a wrong gradient."""


@dataclass(frozen=True)
class _Damaged(Loss):
    """A loss whose value is right, and whose gradient is not."""

    right: Loss
    damage: Damage

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return the right loss and the wrong gradient."""
        value, gradient = self.right(outputs, targets, batch_size, dy)
        return value, self.damage(gradient, outputs, one_hot(targets, outputs), batch_size)

    def branches(self, outputs: Array, targets: Array) -> list[Array]:
        """Return those of the right loss."""
        return self.right.branches(outputs, targets)


@dataclass(frozen=True)
class LossMutant:
    """A planted mistake.

    Attributes:
        name: what is wrong, in words.
        loss: the right one.
        stage: that is meant to find it.
        damage: makes its gradient wrong.
    """

    name: str
    loss: Loss
    stage: Stage
    damage: Damage

    def build(self) -> Loss:
        """Return the damaged loss."""
        return _Damaged(self.loss, self.damage)


def _times_outputs(dy: Array, a: Array, t: Array, batch: int) -> Array:
    return np.asarray(dy * a[0].size)


def _mean_of(dy: Array, batch: int) -> Array:
    """Return the gradient of a mean over all outputs, given that of each output's own term."""
    return np.asarray(dy / (batch * dy[0].size))


def _without_modulation(dy: Array, a: Array, t: Array, batch: int) -> Array:
    """Return the gradient of the focal loss, its (1 - p)^gamma taken as a constant."""
    logarithms = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
    g = -t * (1 - np.exp(logarithms)) ** GAMMA
    return np.asarray((g - np.exp(logarithms) * g.sum(axis=1, keepdims=True)) / batch)


SMOOTHING, DELTA, GAMMA = 0.2, 0.3, 2.0
WEIGHT = 3.0

LOSS_MUTANTS = [
    LossMutant(
        "cross entropy: label smoothing forgotten in the gradient",
        SoftmaxCrossEntropy(SMOOTHING), "elements",
        lambda dy, a, t, batch: dy - SMOOTHING * (t - 1 / a.shape[1]) / batch,
    ),
    LossMutant(
        "focal: its factor (1 - p)^gamma taken as a constant",
        Focal(GAMMA), "elements", _without_modulation,
    ),
    LossMutant(
        "cross entropy: weights of the classes forgotten in the gradient",
        SoftmaxCrossEntropy(class_weight=(WEIGHT, 1.0, 1.0, 1.0)), "elements",
        lambda dy, a, t, batch: SoftmaxCrossEntropy()(a, t, batch)[1],
    ),
    LossMutant(
        "binary cross entropy: weights of what is there forgotten in the gradient",
        BinaryCrossEntropy(WEIGHT), "elements",
        lambda dy, a, t, batch: BinaryCrossEntropy()(a, t, batch)[1],
    ),
    LossMutant(
        "binary cross entropy: not divided by the number of outputs",
        BinaryCrossEntropy(), "elements", _times_outputs,
    ),
    LossMutant(
        "squared error: the factor 1/2 forgotten",
        MeanSquaredError(), "elements", lambda dy, a, t, batch: 2 * dy,
    ),
    LossMutant(
        "mean squared error: not divided by the number of outputs",
        MeanSquaredError("mean"), "elements", _times_outputs,
    ),
    LossMutant(
        "absolute error: not divided by the number of outputs",
        MeanAbsoluteError(), "elements", _times_outputs,
    ),
    LossMutant(
        "absolute error: its sign forgotten",
        MeanAbsoluteError("sum"), "elements", lambda dy, a, t, batch: np.abs(dy),
    ),
    LossMutant(
        "absolute error: the derivative at 0 taken as 1",
        MeanAbsoluteError(), "conventions",
        lambda dy, a, t, batch: np.where(a == t, _mean_of(np.ones_like(a), batch), dy),
    ),
    LossMutant(
        "Huber: not clipped, as in the squared error",
        Huber(), "elements", lambda dy, a, t, batch: _mean_of(a - t, batch),
    ),
    LossMutant(
        "Huber: clipped at 1, whatever delta is",
        Huber(DELTA), "elements", lambda dy, a, t, batch: _mean_of(np.clip(a - t, -1, 1), batch),
    ),
    LossMutant(
        "Huber: delta forgotten in the slope of large errors",
        Huber(DELTA), "elements",
        lambda dy, a, t, batch: np.where(np.abs(a - t) > DELTA, dy / DELTA, dy),
    ),
    LossMutant(
        "Huber: no gradient where an error is clipped",
        Huber(), "elements", lambda dy, a, t, batch: np.where(np.abs(a - t) > 1, 0, dy),
    ),
]  # fmt: skip

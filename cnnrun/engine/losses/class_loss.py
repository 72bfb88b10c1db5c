"""What losses for one class out of several have in common: scores, probabilities, weights."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import numpy as np

from cnnrun.engine.losses.base import Loss, require_class_scores
from cnnrun.engine.losses.weights import Classes, ClassWeights
from cnnrun.engine.types import Array, Shape

__all__ = ["ClassLoss", "class_probabilities"]


class ClassLoss(Loss):
    """A loss of logits `(N, K)`; a subclass has `class_weight` among its options."""

    takes_arrays: ClassVar[bool] = False  # only rows of one score a class

    activation: ClassVar[str] = "softmax"

    class_weight: ClassWeights

    @property
    def is_by_class(self) -> bool:
        """Whether classes have weights."""
        return self.class_weight is not None

    def for_classes(self, classes: Classes) -> Self:
        """Return the loss with its weights in the order of the classes."""
        weights = classes.class_weights(self.class_weight)
        return replace(self, class_weight=weights)  # type: ignore[call-arg]  # of a subclass

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse outputs that are not one score a class."""
        require_class_scores(self.type_name, output_shape, classes)

    def predictions(self, outputs: Array) -> Array:
        """Return the classes' probabilities; of outputs that are not finite, none that are."""
        return class_probabilities(outputs)


def class_probabilities(outputs: Array) -> Array:
    """Return the softmax of logits; of outputs that are not finite, none that are."""
    with np.errstate(invalid="ignore"):
        exponentials = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
        probabilities: Array = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities

"""What a loss is: a number for a batch, and its gradient with respect to the network's output."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar, Self

import numpy as np

from cnnrun.engine.losses.weights import Classes
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import DataError, ShapeError
from cnnrun.registry import Registry

__all__ = ["LOSSES", "Loss", "count_terms", "one_hot", "require_class_scores"]

LOSSES: Registry[type[Loss]] = Registry("loss")


@dataclass(frozen=True)
class Loss:
    """The mean of a per-sample loss over the batch."""

    type_name: ClassVar[str] = ""
    takes_arrays: ClassVar[bool] = True
    """Whether targets may be arrays of any shape, such as the inputs of an autoencoder."""
    activation: ClassVar[str] = ""
    """The layer that this loss applies to the outputs itself, if any."""

    @property
    def is_by_class(self) -> bool:
        """Whether some option is about classes, or labels, so that there have to be such."""
        return False

    def for_classes(self, classes: Classes) -> Self:
        """Return the loss for these classes, with its options about them in their order.

        Raises:
            OptionError: an option names what is no class.
        """
        return self

    def check(self, output_shape: Shape, classes: int | None) -> None:
        """Refuse a network whose output this loss cannot take.

        Raises:
            ShapeError: `output_shape`, of one sample, does not fit.
        """

    def __call__(
        self, outputs: Array, targets: Array, batch_size: int, dy: Array | None = None
    ) -> tuple[float, Array]:
        """Return the samples' summed loss over `batch_size`, and its gradient.

        `batch_size` is that of the whole batch, of which these samples may be a shard, so that the
        shards' losses and gradients add up to the batch's.

        Args:
            outputs: `(N, *output_shape)`, the network's output.
            targets: integer labels `(N,)`, or an array shaped like `outputs`.
            batch_size: what the sum is divided by.
            dy: written to when given; shaped like `outputs`.

        Returns:
            The loss and its gradient with respect to `outputs`.

        Raises:
            ShapeError: the targets do not fit the outputs.
            DataError: a target has a value that this loss cannot take.
        """
        raise NotImplementedError

    def predictions(self, outputs: Array) -> Array:
        """Return the scores a user reads, shaped like `outputs`: probabilities where they exist."""
        return outputs

    def branches(self, outputs: Array, targets: Array) -> list[Array]:
        """Return the choices behind each term, shaped like `outputs`; none for a smooth loss.

        Between two points where they differ the loss has a kink, or its slope a bend, so no
        difference of its values tells the derivative there.
        """
        return []


def count_terms(reduction: str, outputs: Array) -> int:
    """Return what a sample's sum over its outputs is divided by: their number, for a mean."""
    return prod(outputs.shape[1:]) if reduction == "mean" else 1


def one_hot(targets: Array, outputs: Array) -> Array:
    """Return `targets` like `outputs`: integer labels `(N,)` become rows with a single 1.

    Raises:
        ShapeError: they have neither shape.
        DataError: a label has no output.
    """
    if targets.shape == outputs.shape[:1] and outputs.ndim == 2 and targets.dtype.kind in "iu":
        scores = outputs.shape[1]
        if len(targets) and not 0 <= targets.min() <= targets.max() < scores:
            raise DataError(
                f"labels from {targets.min()} to {targets.max()} do not fit {scores} outputs, "
                f"which stand for labels 0 to {scores - 1}"
            )
        rows = np.zeros_like(outputs)
        rows[np.arange(len(targets)), targets] = 1
        return rows
    if targets.shape != outputs.shape:
        raise ShapeError(
            f"targets of shape {targets.shape} do not fit outputs of shape {outputs.shape}"
        )
    return targets.astype(outputs.dtype, copy=False)


def require_class_scores(loss: str, output_shape: Shape, classes: int | None) -> None:
    """Refuse a network that does not end in one score for each class.

    Raises:
        ShapeError: `output_shape` is not `(classes,)`.
    """
    if len(output_shape) != 1 or (classes is not None and output_shape[0] != classes):
        wanted = "one score a class" if classes is None else f"{classes} scores, one a class"
        raise ShapeError(
            f"{loss} needs {wanted}, but the network ends with "
            f"{format_size(output_shape)} values; end it with dense: {{units: classes}}"
        )

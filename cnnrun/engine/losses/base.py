"""What a loss is: a number for a batch, and its gradient with respect to the network's output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnnrun.engine.types import Array, Shape
from cnnrun.registry import Registry

__all__ = ["LOSSES", "Loss"]

LOSSES: Registry[type[Loss]] = Registry("loss")


@dataclass(frozen=True)
class Loss:
    """The mean of a per-sample loss over the batch."""

    type_name: ClassVar[str] = ""

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
            targets: integer labels `(N,)`, or an array like `outputs`.
            batch_size: what the sum is divided by.
            dy: written to when given; shaped like `outputs`.

        Returns:
            The loss and its gradient with respect to `outputs`.
        """
        raise NotImplementedError

    def predictions(self, outputs: Array) -> Array:
        """Return the scores a user reads, shaped like `outputs`: probabilities where they exist."""
        return outputs

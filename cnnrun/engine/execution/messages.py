"""What the executor and its workers tell each other: shards of a batch, orders, and results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cnnrun.engine.context import Context
from cnnrun.engine.types import Array

__all__ = ["Compute", "Shard", "ShardOrder", "ShardResult", "Sum", "Update", "UpdateOrder"]


@dataclass(frozen=True)
class ShardOrder:
    """Command to a worker: compute this shard. Its arrays travel in shared memory.

    Attributes:
        batch: samples of the whole batch; 0 for a prediction.
        seed, step, shard: what the shard's random numbers derive from.
        samples: of the shard.
    """

    batch: int = 0
    seed: int = 0
    step: int = 0
    shard: int = 0
    samples: int = 0


@dataclass(frozen=True)
class UpdateOrder:
    """Command to a worker: let the optimizer change this part of the parameters.

    Attributes:
        learning_rate, step: as the optimizer takes them.
        norm: the gradients' global norm.
        part, parts: which of how many equal parts.
    """

    learning_rate: float
    step: int
    norm: float
    part: int = 0
    parts: int = 1


@dataclass(frozen=True)
class Shard:
    """A part of a batch.

    Attributes:
        order: what to do with it.
        x: `(n, *input_shape)`.
        targets: `(n, ...)` as the loss takes them; None for a prediction.
        outputs: `(n, *output_shape)`, to be filled.
    """

    order: ShardOrder
    x: Array
    targets: Array | None
    outputs: Array


@dataclass(frozen=True)
class ShardResult:
    """What computing a shard gave.

    Attributes:
        loss: its part of the batch's loss; 0 for a prediction.
        gradients: its part of the batch's gradients, by parameter name; none for a prediction.
    """

    loss: float
    gradients: Mapping[str, Array]


Compute = Callable[[Shard, Context], float]
"""Fills a shard's outputs, and in a step the context's gradients; returns its part of the loss."""

Sum = Callable[[Sequence[Array]], Array]
"""Returns the sum over a batch's shards of what those in flight here have handed in."""

Update = Callable[[UpdateOrder], float]
"""Lets the optimizer change a part of the parameters; returns the gradients' norm."""

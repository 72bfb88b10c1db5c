"""The parts of a batch that are computed side by side, and what comes of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnrun.engine.context import Context
from cnnrun.engine.types import Array

__all__ = ["Change", "Compute", "Found", "Shard", "Update", "Work", "cut"]


SHARD_WORK = {1: 0, 2: 8_000_000, 4: 2_000_000_000}
"""How many shards a batch is cut into by default, and multiply-adds each must have for that.

More shards let more workers run, but each costs: measured on two workers, four shards were 7 to
20% slower than two, and for less than 30 million multiply-adds two are slower than one.
"""


@dataclass(frozen=True)
class Work:
    """What a member does with a shard; sent through a pipe.

    Attributes:
        batch: samples of the whole batch; 0 for a prediction.
        seed, step, shard: where the shard's random numbers derive from.
        samples: of the shard.
    """

    batch: int = 0
    seed: int = 0
    step: int = 0
    shard: int = 0
    samples: int = 0


@dataclass(frozen=True)
class Change:
    """What a member does with its part of the parameters after a step; sent through a pipe.

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
        work: what to do with it.
        x: `(n, *input_shape)`.
        targets: `(n, ...)` as the loss takes them; None for a prediction.
        outputs: `(n, *output_shape)`, to be filled.
    """

    work: Work
    x: Array
    targets: Array | None
    outputs: Array


Compute = Callable[[Shard, Context], float]
"""Fills a shard's outputs, and in a step the context's gradients; returns its part of the loss."""

Update = Callable[[Change], float]
"""Lets the optimizer change a part of the parameters; returns the gradients' norm."""

Found = tuple[float, dict[str, Array]]
"""What a shard gave: its part of the loss, and its gradients by parameter name."""


def cut(samples: int, size: int | None, multiply_adds: int) -> list[slice]:
    """Return the shards of so many samples.

    Args:
        samples: of the batch.
        size: samples of a shard; by default what `SHARD_WORK` says.
        multiply_adds: of one sample's forward pass.
    """
    if size is None:
        work = 3 * samples * multiply_adds  # forward, and two products backward
        count = max(shards for shards, least in SHARD_WORK.items() if work >= shards * least)
        size = -(-samples // count)
    return [slice(start, min(start + size, samples)) for start in range(0, samples, size)]

"""The parts of a batch that are computed side by side, and what comes of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnrun.engine.context import Context
from cnnrun.engine.types import Array

__all__ = ["Compute", "Found", "Shard", "Work"]


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

Found = tuple[float, dict[str, Array]]
"""What a shard gave: its part of the loss, and its gradients by parameter name."""

"""What any kind of workers offers the executor: threads, processes, or other machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import Shard, ShardResult, UpdateOrder
from cnnrun.engine.types import Array

__all__ = ["OtherShardError", "Workers"]


class Workers(Protocol):
    """Computes shards of a batch side by side, and changes parameters."""

    def compute(self, shards: Sequence[Shard], contexts: Sequence[Context]) -> list[ShardResult]:
        """Compute shards at the same time, and return their results in the same order.

        `contexts` are as many, and say where gradients are to be written; a kind that computes
        elsewhere uses the first alone. Layers may call `all_reduce` meanwhile.

        Raises:
            BaseException: whatever went wrong with one of them, once all have come to an end.
        """

    def all_reduce(self, place: int, array: Array) -> Array:
        """Return the sum of an array over the shards in flight, in a fixed order.

        Called on behalf of the shard at `place`; waits until all the others have called it too.
        """

    def update(self, order: UpdateOrder) -> float:
        """Let the optimizer change all parameters; return the gradients' global norm."""

    def close(self) -> None:
        """Stop the workers."""


class OtherShardError(Exception):
    """Another shard of the batch failed while this one waited for its part of a sum."""

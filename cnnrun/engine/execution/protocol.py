"""What any kind of workers offers the executor: threads, processes, or other machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import Shard, ShardResult, UpdateOrder
from cnnrun.engine.types import Array

__all__ = ["OtherShardError", "Ranks", "Workers"]


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


class Ranks(Protocol):
    """Processes, perhaps on several machines, that train one network; all make the same calls."""

    rank: int
    size: int

    def gather(self, row: Array, sizes: Sequence[int]) -> Array:
        """Return the rows of all ranks, 1-D and of these sizes, one behind the other."""

    def exchange(
        self, row: Array, sent: Sequence[int], into: Array, received: Sequence[int]
    ) -> None:
        """Send a part of a 1-D row to each rank, and write what each sends here `into` another.

        `sent` and `received` are the sizes of the parts, in the order of the ranks.
        """


class OtherShardError(Exception):
    """Another shard of the batch failed while this one waited for its part of a sum."""

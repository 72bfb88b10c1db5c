"""How a batch is cut into shards: by the configuration alone, never by the number of workers."""

from __future__ import annotations

__all__ = ["SHARD_WORK", "cut", "usual_size"]

SHARD_WORK = {1: 0, 2: 8_000_000, 4: 2_000_000_000}
"""How many shards a batch is cut into by default, and multiply-adds each must have for that.

More shards let more workers run, but each costs: measured on two workers, four shards were 7 to
20% slower than two, and for less than 30 million multiply-adds two are slower than one.
"""


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


def usual_size(samples: int, multiply_adds: int) -> int:
    """Return the samples of a shard, where a batch of so many is cut by default."""
    first = cut(samples, None, multiply_adds)[0]
    return int(first.stop)

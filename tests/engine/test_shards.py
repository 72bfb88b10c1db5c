"""How many shards a batch has by default. The trained weights depend on it, to the bit."""

from __future__ import annotations

import pytest

from cnnrun.engine.execution.shards import cut


@pytest.mark.parametrize(
    ("samples", "multiply_adds", "sizes"),
    [
        (10, 533_333, [10]),  # 3 * 10 * 533,333 is just below 2 * 8 million
        (10, 533_334, [5, 5]),
        (10, 266_666_666, [5, 5]),  # and here just below 4 * 2,000 million
        (10, 266_666_667, [3, 3, 3, 1]),
        (7, 1_000_000, [4, 3]),
        (1, 1 << 40, [1]),
    ],
)
def test_work_decides_where_no_size_is_asked_for(samples, multiply_adds, sizes):
    shards = cut(samples, None, multiply_adds)
    assert [shard.stop - shard.start for shard in shards] == sizes
    assert [shard.start for shard in shards[1:]] == [shard.stop for shard in shards[:-1]]


def test_a_size_that_is_asked_for_is_kept():
    assert cut(5, 2, 1 << 40) == [slice(0, 2), slice(2, 4), slice(4, 5)]

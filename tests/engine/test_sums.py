"""Sums over shards are taken in their order, by threads and processes alike."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Executor, Layer, Network
from cnnrun.engine.execution.messages import ShardResult
from cnnrun.engine.execution.shared_memory import SWITCH
from cnnrun.engine.execution.sums import ShardGradients, sum_in_order
from cnnrun.engine.losses import MeanSquaredError

PARTS = np.array([[1e8], [-1e8], [1]], np.float32)
"""Their sum is 1 in this order, and 0 in any in which the last comes earlier."""


class SumOverShards(Layer):
    """Gives every shard the sum of all shards' inputs."""

    type_name = "sum_over_shards"
    whole_batch = True

    def forward(self, x, ctx):
        return ctx.all_reduce(x)

    def backward(self, dy, ctx):
        return dy


def test_the_order_is_that_of_the_shards():
    assert sum_in_order(PARTS) == 1
    assert sum_in_order(PARTS[[0, 2, 1]]) == sum_in_order(PARTS[::-1]) == 0


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_layers_get_sums_in_that_order(workers, kind, monkeypatch):
    monkeypatch.setenv(SWITCH, kind)
    network, loss = Network([SumOverShards.Config()], (1,)), MeanSquaredError()
    with Executor(network, loss, workers=workers, shard_size=1) as executor:
        outputs = executor.step(PARTS, np.zeros_like(PARTS), seed=0, step=0).outputs
        np.testing.assert_array_equal(outputs, 1)


@pytest.mark.parametrize("in_flight", [1, 2, 3])
def test_gradients_are_added_in_that_order(in_flight):
    total = np.empty(1, np.float32)
    sums = ShardGradients({"w": total})
    for first in range(0, 3, in_flight):
        results = []
        for place, part in enumerate(PARTS[first : first + in_flight]):
            arrays = sums.arrays_for(first + place, place)
            arrays["w"][...] = part
            results.append(ShardResult(0.0, arrays))
        sums.add(results, from_first=first == 0)
    assert total == 1

"""Sums over shards are taken in the order of one tree, by threads and processes alike."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Executor, Layer, Network
from cnnrun.engine.execution.messages import ShardResult
from cnnrun.engine.execution.shared_memory import SWITCH
from cnnrun.engine.execution.sums import ShardGradients, sum_in_order
from cnnrun.engine.layers import Dense
from cnnrun.engine.losses import MeanSquaredError

TREES = {
    1: "0",
    2: "(0+1)",
    3: "((0+1)+2)",
    4: "((0+1)+(2+3))",
    5: "(((0+1)+(2+3))+4)",
    6: "(((0+1)+(2+3))+(4+5))",
    7: "(((0+1)+(2+3))+((4+5)+6))",
    9: "((((0+1)+(2+3))+((4+5)+(6+7)))+8)",
}
"""The order for so many shards, worked by hand: the largest power of two stands on the left."""

IN_ORDER = np.array([[1e8], [-1e8], [1]], np.float32), 1
"""Their sum is 1 in this order, and 0 in any in which the last comes earlier."""

IN_PAIRS = np.array([[1e8], [1], [-1e8], [1]], np.float32), 0
"""Their sum is 0 in the tree's order, and 1 from left to right."""


class Term:
    """A number that remembers how it was added up."""

    def __init__(self, text):
        self.text = text

    def __add__(self, other):
        return Term(f"({self.text}+{other.text})")


def terms(count):
    return [np.array([Term(str(number))], object) for number in range(count)]


class SumOverShards(Layer):
    """Gives every shard the sum of all shards' inputs."""

    type_name = "sum_over_shards"
    whole_batch = True

    def forward(self, x, ctx):
        return ctx.all_reduce(x)

    def backward(self, dy, ctx):
        return dy


@pytest.mark.parametrize(("shards", "tree"), TREES.items())
def test_the_order_is_that_of_the_tree(shards, tree):
    parts = terms(shards)
    assert sum_in_order(parts)[0].text == tree
    assert [part[0].text for part in parts] == [str(number) for number in range(shards)]


@pytest.mark.parametrize(("x", "total"), [IN_ORDER, IN_PAIRS])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_layers_get_sums_in_that_order(kind, workers, x, total, monkeypatch):
    monkeypatch.setenv(SWITCH, kind)
    network, loss = Network([SumOverShards.Config()], (1,)), MeanSquaredError()
    with Executor(network, loss, workers=workers, shard_size=1) as executor:
        outputs = executor.step(x, np.zeros_like(x), seed=0, step=0).outputs
        np.testing.assert_array_equal(outputs, total)


def test_a_batch_in_parts_has_the_bits_of_the_batch_at_once():
    network, loss = Network([Dense.Config(40)], (30,)), MeanSquaredError()
    rng = np.random.default_rng(0)
    x = rng.standard_normal((7, 30), np.float32)
    targets = rng.standard_normal((7, 40), np.float32)
    with Executor(network, loss, shard_size=1) as executor:
        at_once = executor.step(x, targets, seed=0, step=0)
        gradients = {name: g.copy() for name, g in at_once.gradients.items()}
        for first in range(7):
            part = slice(first, first + 1)
            result = executor.step(
                x[part], targets[part], seed=0, step=0, batch=7, is_first=first == 0
            )
        assert result.loss == at_once.loss
        for name, g in result.gradients.items():
            np.testing.assert_array_equal(g, gradients[name])


def gradients_of(shards, rounds, *, parts, borrowed):
    """Return how gradients are added up of shards that come in rounds, a batch in parts or not.

    Borrowed ones stand in a worker's memory, which the next round writes to.
    """
    total = np.array([Term("old")], object)
    sums, given = ShardGradients({"w": total}), terms(shards)
    memory = [{"w": np.empty(1, object)} for _ in range(rounds)]
    sums.begin(is_whole=not parts)
    for first in range(0, shards, rounds):
        values = given[first : first + rounds]
        lent = sums.lend(len(values))
        places = [lent[0], *memory[1:]] if borrowed else lent
        for place, value in zip(places, values, strict=False):
            place["w"][...] = value
        sums.add([ShardResult(0.0, place) for place, _ in zip(places, values, strict=False)])
        if parts:
            sums.total()
            assert total[0].text == sum_in_order(given[: first + len(values)])[0].text
    sums.total()
    return total[0].text


@pytest.mark.parametrize("borrowed", [False, True])
@pytest.mark.parametrize("parts", [False, True])
@pytest.mark.parametrize("rounds", [1, 2, 3, 4, 9])
def test_gradients_are_added_in_that_order(rounds, parts, borrowed):
    for shards, tree in TREES.items():
        assert gradients_of(shards, rounds, parts=parts, borrowed=borrowed) == tree


def test_a_batch_in_one_part_is_summed_where_its_first_shard_wrote():
    total = np.zeros(1, np.float32)
    sums = ShardGradients({"w": total})
    sums.begin()
    assert sums.lend(2)[0]["w"] is total


def test_a_run_of_shards_is_added_up_as_far_as_the_tree_allows():
    sums = ShardGradients({"w": np.empty(1, object)})

    def nodes(start, end, shards):
        sums.begin(start)
        arrays = sums.lend(end - start)
        for place, value in zip(arrays, terms(end)[start:], strict=True):
            place["w"][...] = value
        sums.add([ShardResult(0.0, place) for place in arrays])
        return [node.arrays["w"][0].text for node in sums.nodes(shards)]

    assert nodes(0, 4, 7) == ["((0+1)+(2+3))"]
    assert nodes(4, 7, 7) == ["((4+5)+6)"]
    assert nodes(4, 7, None) == ["(4+5)", "6"]
    assert nodes(1, 7, 7) == ["1", "(2+3)", "((4+5)+6)"]
    assert nodes(3, 6, 8) == ["3", "(4+5)"]

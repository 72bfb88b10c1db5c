"""Several ranks give the bits of one process. Here they are threads that hand each other arrays."""

from __future__ import annotations

import hashlib
from itertools import accumulate

import numpy as np
import pytest
from fellows import together

from cnnrun.engine import Build, Executor, Network
from cnnrun.engine import layers as of
from cnnrun.engine.execution.ranked import RankedExecutor
from cnnrun.engine.execution.shards import cut
from cnnrun.engine.execution.shares import Slices, own_samples, runs_of, spans_of
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.engine.optimizers import SGD, AdamW

PLAIN = [
    of.Conv2D.Config(4, 3),
    of.ReLU.Config(),
    of.Flatten.Config(),
    of.Dense.Config(300),
    of.Dense.Config(3),
]
NORMED = [
    of.Conv2D.Config(4, 3),
    of.BatchNorm.Config(),
    of.ReLU.Config(),
    of.Dropout.Config(0.3),
    of.Flatten.Config(),
    of.Dense.Config(3),
]
NETWORKS = {"plain": PLAIN, "normed": NORMED}
OPTIMIZERS = {
    "sgd": SGD(0.1, momentum=0.9, clip_norm=0.5),
    "adamw": AdamW(0.01, weight_decay=0.1, decay_weights_only=True),
}
STEPS = [(9, [9]), (7, [7]), (8, [4, 4]), (2, [2])]
"""Samples of each batch, and of the parts in which it comes; a shard has two."""


def trained(layers, optimizer, ranks=None):
    """Train some steps, the last batch of which has a single shard; return all that came of it."""
    network = Network(layers, (6, 6, 1), Build(np.float32, seed=1))
    rng = np.random.default_rng(5)
    state = optimizer.initial_state(network.parameters)
    options = {"shard_size": 2, "optimizer": optimizer, "optimizer_state": state}
    loss, told = SoftmaxCrossEntropy(), []
    executor = (
        RankedExecutor(network, loss, ranks=ranks, **options)
        if ranks
        else Executor(network, loss, **options)
    )
    with executor:
        for step, (batch, parts) in enumerate(STEPS):
            x = rng.standard_normal((batch, 6, 6, 1), np.float32)
            targets = rng.integers(0, 3, batch)
            for end, size in zip(accumulate(parts), parts, strict=True):
                shards = cut(size, 2, 0)
                mine = own_samples(shards, ranks.rank, ranks.size) if ranks else slice(size)
                part = slice(end - size, end)
                result = executor.step(
                    x[part][mine],
                    targets[part][mine],
                    seed=0,
                    step=step,
                    batch=batch,
                    is_first=end == size,
                    samples=size,
                )
                told += [result.loss, executor.gradient_norm()]
            told += [digest(executor.gather_gradients())]
            told += [executor.update(learning_rate=0.1, step=step + 1)]
            told += [digest(network.state())]
        executor.gather_state()
        outputs = [executor.evaluate(x, targets), executor.evaluate(x[:1], targets[:1])]
        told += [digest(state), [(loss, digest({"": y})) for loss, y in outputs]]
    return told


def digest(arrays):
    return {name: hashlib.sha256(a.tobytes()).hexdigest()[:8] for name, a in arrays.items()}


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_bits_are_those_of_one_process(ranks, network, optimizer):
    layers, rule = NETWORKS[network], OPTIMIZERS[optimizer]
    alone = trained(layers, rule)
    for told in together(ranks, lambda fellow: trained(layers, rule, fellow)):
        assert told == alone


def test_a_rank_sends_what_the_formula_says():
    layers, rule = PLAIN, OPTIMIZERS["sgd"]
    parameters = Network(layers, (6, 6, 1)).parameter_count
    for ranks in (2, 4):
        sent = together(ranks, lambda fellow: trained(layers, rule, fellow) and fellow.sent)
        steps = sum(len(parts) + 1 for _, parts in STEPS)  # a sum for each part, and the weights
        further = 2 * len(STEPS)  # the gradients and the state are gathered, too
        assert sum(sent) > 4 * parameters * (ranks - 1) * len(STEPS)
        assert sum(sent) < 4 * parameters * (ranks - 1) * (steps + further) * 1.5


def test_no_rank_has_more_shards_than_it_must():
    for shards in range(1, 20):
        for ranks in range(1, 9):
            runs = runs_of(shards, ranks)
            assert [start for start, _ in runs] == [0, *(end for _, end in runs[:-1])]
            assert runs[-1][1] == shards
            assert max(end - start for start, end in runs) == -(-shards // ranks)
            if shards >= ranks:
                assert min(end - start for start, end in runs) >= 1


def test_shards_are_cut_where_the_tree_is():
    assert runs_of(4, 2) == ((0, 2), (2, 4))
    assert runs_of(7, 2) == ((0, 4), (4, 7))
    assert runs_of(7, 3) == ((0, 2), (2, 4), (4, 7))
    assert spans_of(0, 4, 7) == ((0, 4),)
    assert spans_of(4, 7, 7) == ((4, 7),)
    assert spans_of(4, 7, None) == ((4, 6), (6, 7))


def test_slices_end_where_the_pieces_of_a_norm_do():
    arrays = {"a": np.zeros((5, 4000)), "b": np.zeros(7), "c": np.zeros(0), "d": np.zeros(9000)}
    for ranks in range(1, 8):
        slices = Slices(arrays, ranks)
        assert sum(slices.counts) == 29007
        assert sum(slices.pieces) == 3 + 1 + 2
        for parts in slices.parts:
            assert all(part.start % 8192 == 0 for part in parts.values())

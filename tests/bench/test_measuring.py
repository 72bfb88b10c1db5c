"""The ruler: timing in turn, the products that a network needs, and where the time goes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from experiments import tiny

from cnnrun.bench import limit, stable_samples, timing
from cnnrun.bench.layers import time_layers
from cnnrun.bench.limit import Product, limit_ms, products
from cnnrun.bench.measure import ExperimentFile, measure_batches
from cnnrun.bench.memory import bytes_per_sample, peak_memory
from cnnrun.bench.training_step import TrainingStep, draw
from cnnrun.config import build_network
from cnnrun.engine import Build, Network
from cnnrun.engine.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    Flatten,
    ReLU,
    Residual,
)
from cnnrun.errors import DataError


def test_functions_take_turns(monkeypatch):
    ticks = itertools.count(step=0.01)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(ticks))
    calls = []
    milliseconds = timing.in_turn(
        {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 0.01
    )
    assert milliseconds == {"a": pytest.approx(10), "b": pytest.approx(10)}
    turns = [name for name, _ in itertools.groupby(calls)]
    assert turns == ["a", "b"] * (timing.FEWEST + 1)


def test_products_of_a_sample_make_up_its_multiply_adds():
    branch = (Conv2D.Config(6, 3, padding="same"),)
    network = Network(
        [
            Conv2D.Config(6, (3, 2), groups=3, stride=2),
            Residual.Config(branch),
            DepthwiseConv2D.Config(3, depth_multiplier=2, padding="same"),
            Conv2DTranspose.Config(5, 3, stride=2),
            ReLU.Config(),
            Flatten.Config(),
            Dense.Config(7),
        ],
        (9, 8, 3),
    )
    for layer in network.layers.values():
        total = sum(p.rows * p.inner * p.columns * p.count for p in products(layer))
        assert total == layer.multiply_adds()
    first = next(iter(network.layers.values()))
    assert products(first) == [Product(4 * 4, 3 * 2, 2, 3)]


def test_layers_without_products_have_no_limit(tmp_path):
    experiment = tiny(tmp_path)
    with TrainingStep(experiment, experiment.data.dataset.info(tmp_path), 2) as training:
        limits = limit_ms(training.network, 16, 2)
    has_products = {name for name, limit in limits.items() if limit > 0}
    assert has_products == {"00_conv2d", "05_dense"}


def test_the_limit_counts_two_products_of_the_first_layer_and_three_of_others(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(limit, "_gflops", lambda *sizes: 1.0)
    experiment = tiny(tmp_path)
    network = build_network(experiment, experiment.data.dataset.info(tmp_path))
    milliseconds = limit_ms(network, 16, 2)
    for index, (name, layer) in enumerate(network.layers.items()):
        operations = 2 * (3 if index else 2) * layer.multiply_adds() * 16
        assert milliseconds[name] == pytest.approx(operations / 1e6)


def test_samples_at_a_kink_are_told_from_stable_ones():
    layers = [Dense.Config(2, use_bias=False), ReLU.Config()]
    network = Network(layers, (2,), Build(np.dtype("float64")))
    network.parameters["00_dense/w"][...] = [[1, 1], [-1, 1]]
    x = np.array([[1.0, 2.0], [1.0, 1.0], [3.0, -1.0], [1.0, 1.0 + 1e-7], [1.0, 1.001]])
    unstable = stable_samples._unstable(network, x, seed=0)
    assert unstable.tolist() == [False, True, False, True, False]
    np.testing.assert_array_equal(network.parameters["00_dense/w"], [[1, 1], [-1, 1]])


def test_a_stable_batch_repeats_few_samples(tmp_path):
    experiment = tiny(tmp_path)
    info = experiment.data.dataset.info(tmp_path)
    samples = stable_samples.draw_stable(experiment, info, 16)
    assert len(samples.x) == len(samples.targets) == 16
    assert len(np.unique(samples.x.reshape(16, -1), axis=0)) == stable_samples.DISTINCT_NORMALISED
    network = build_network(experiment, info, np.float64)
    assert not stable_samples._unstable(network, samples.x, seed=9).any()


@pytest.mark.parametrize("workers", [1, 2])
def test_layer_times_leave_the_network_as_it_was(tmp_path, workers):
    experiment = tiny(tmp_path)
    info = experiment.data.dataset.info(tmp_path)
    with TrainingStep(experiment, info, workers) as training:
        before = dict(training.network.layers)
        times = time_layers(training, draw(experiment, info, 16), 0.01)
        assert training.network.layers == before
    assert times.keys() == before.keys()
    assert all(entry.forward_ms > 0 and entry.backward_ms > 0 for entry in times.values())


def test_more_samples_need_more_memory(tmp_path):
    tiny(tmp_path)
    source = (tmp_path / "tiny.yaml", ["data.dataset.synthetic.image_shape=[64,64,3]"], [])
    few, many = (peak_memory(*source, batch, 2) for batch in (16, 256))
    pixels = 240 * 64 * 64 * 3 * 4
    assert pixels < many - few < 30 * pixels


def test_an_absurd_batch_is_refused_before_it_is_drawn(tmp_path):
    experiment = tiny(tmp_path)
    info = experiment.data.dataset.info(experiment.base)
    with pytest.raises(DataError, match="batch of 1,000,000,000,000 samples"):
        draw(experiment, info, 10**12)


def test_the_memory_of_a_further_sample():
    assert bytes_per_sample({64: 1640, 32: 1000, 256: 5480}) == 20
    assert bytes_per_sample({32: 1000}) is None


def test_a_result_adds_up(tmp_path):
    experiment = tiny(tmp_path, "train.shard_size=auto")
    (result,) = measure_batches(
        experiment, ExperimentFile(tmp_path / "tiny.yaml"), [8], workers=1, seconds=0.05
    )
    spent = sum(row.forward_ms + row.backward_ms for row in result.layers) + result.other_ms
    assert spent == pytest.approx(max(result.step_ms, spent - result.other_ms))
    for index, row in enumerate(result.layers):
        if row.multiply_adds:  # two operations each: forward, weights, and but for the first, input
            operations = 2 * (3 if index else 2) * row.multiply_adds * 8
            milliseconds = row.forward_ms + row.backward_ms
            assert row.gflops == pytest.approx(operations / milliseconds / 1e6)
    assert result.samples_per_second == pytest.approx(8e3 / result.step_ms)
    assert result.torch is None
    assert [row.method for row in result.layers][:2] == ["columns", None]

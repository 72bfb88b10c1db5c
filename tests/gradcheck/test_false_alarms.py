"""Points that are hard on a check, at which right layers must pass."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.engine import Network
from cnnrun.engine.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Residual,
    Softplus,
    Tanh,
)

IMAGE = (6, 5, 2)
BLOCK = Residual.Config((Conv2D.Config(2, 3, padding="same"), BatchNorm.Config()))


@pytest.mark.parametrize("seed", range(4))
def test_a_bias_before_batch_norm_on_small_data(seed):
    """Its gradient is zero, and what backward gives is the rounding of much larger terms."""
    x = 1e-3 * np.random.default_rng(seed).standard_normal((4, *IMAGE))
    report = cnnrun.gradcheck(Residual(BLOCK, IMAGE), x, seed=seed)
    assert report.verdict != "fail", report.summary()


@pytest.mark.parametrize("seed", range(3))
def test_biases_before_batch_norm_in_a_network(seed):
    block = [Conv2D.Config(3, 3, padding="same"), BatchNorm.Config(), Tanh.Config()]
    network = Network([*block, *block, *block, Flatten.Config(), Dense.Config(3)], IMAGE)
    report = cnnrun.gradcheck(network, seed=seed, budget=1500)
    assert report.verdict != "fail", report.summary()


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
@pytest.mark.parametrize(
    "layer",
    [
        Tanh(Tanh.Config(), IMAGE),
        Softplus(Softplus.Config(), IMAGE),
        ReLU(ReLU.Config(), IMAGE),
        MaxPool2D(MaxPool2D.Config(2), IMAGE),
        BatchNorm(BatchNorm.Config(), IMAGE),
        LayerNorm(LayerNorm.Config(), IMAGE),
        Conv2D(Conv2D.Config(2, 3), IMAGE),
    ],
    ids=lambda layer: layer.type_name,
)
def test_data_of_another_size(layer, scale):
    """At data of 1e6 a layer whose outputs hardly change must not seem to move along with it."""
    for offset in (0, 1):
        x = scale * (np.random.default_rng(0).standard_normal((4, *IMAGE)) + offset)
        report = cnnrun.gradcheck(layer, x)
        assert report.verdict != "fail", report.summary()


def test_a_point_at_which_a_layer_is_not_defined():
    """Batch norm of one value a channel has no variance; that is no crash."""
    layer = BatchNorm(BatchNorm.Config(), (3,))
    report = cnnrun.gradcheck(layer, np.ones((1, 3)))
    assert report.passed, report.summary()
    assert any("is not defined at the data" in note for note in report.notes)


def test_a_network_that_is_not_defined_at_its_data():
    network = Network([Flatten.Config(), Dense.Config(4), BatchNorm.Config()], (2, 2, 1))
    report = cnnrun.gradcheck(network, np.ones((1, 2, 2, 1)), budget=1000)
    assert report.passed, report.summary()
    assert any("is not defined at the data" in note for note in report.notes)


def test_layer_norm_over_one_channel_has_no_gradient_by_definition():
    report = cnnrun.gradcheck(LayerNorm(LayerNorm.Config(), (5, 4, 1)))
    assert report.passed, report.summary()

    class Passing(LayerNorm):
        def backward(self, dy, ctx):
            super().backward(dy, ctx)
            return np.array(dy)

    report = cnnrun.gradcheck(Passing(LayerNorm.Config(), (5, 4, 1)))
    assert (report.guilty.tensor, report.verdict) == ("x", "fail")

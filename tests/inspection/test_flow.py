"""Networks that cannot learn are named so in words; a healthy one is not."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Build, Network
from cnnrun.engine.initializers import Constant
from cnnrun.engine.layers import (
    BatchNorm,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Residual,
    Sigmoid,
    Softmax,
    Tanh,
)
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.inspection.capture import capture
from cnnrun.inspection.flow import measure_flow
from cnnrun.inspection.objectives import BatchLoss

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.standard_normal((32, 8, 8, 1)).astype("f4"), RNG.integers(0, 10, 32)


def flow(layers, change=None):
    network = Network(layers, (8, 8, 1), Build(seed=1))
    if change:
        change(network)
    return measure_flow(capture(network, IMAGES, BatchLoss(SoftmaxCrossEntropy(), LABELS)))


def stack(activation, count):
    hidden = [config for _ in range(count) for config in (Dense.Config(32), activation.Config())]
    return [Flatten.Config(), *hidden, Dense.Config(10)]


@pytest.mark.parametrize(
    "layers",
    [
        stack(ReLU, 2),
        stack(ReLU, 8),
        stack(Tanh, 6),
        stack(Sigmoid, 2),
        [Conv2D.Config(8, 3), ReLU.Config(), MaxPool2D.Config(2), Flatten.Config(),
         Dense.Config(10)],
        [Conv2D.Config(4, 3), Residual.Config((Conv2D.Config(4, 3, padding=1), ReLU.Config())),
         Flatten.Config(), Dense.Config(10)],
    ],
)  # fmt: skip
def test_a_healthy_network_is_not_accused(layers):
    found = flow(layers)
    assert found.is_healthy, found.verdict
    assert found.verdict[0].startswith("Gradients reach every layer")
    assert not any(layer.words for layer in found.layers)


def test_ten_sigmoids_make_it_vanish():
    found = flow(stack(Sigmoid, 10))
    assert not found.is_healthy
    assert found.verdict[0].startswith("Vanishing gradient in 00_flatten, 01_dense")
    named = [layer.layer for layer in found.layers if "vanishing" in layer.words]
    assert "01_dense" in named
    assert "21_dense" not in named


@pytest.mark.parametrize(
    ("depth", "activation", "is_healthy"),
    [(2, Sigmoid, True), (5, Sigmoid, False), (6, Sigmoid, False), (3, Softmax, False),
     (8, Tanh, True)],
)  # fmt: skip
def test_a_steep_fall_is_vanishing_before_a_thousandth_is_left(depth, activation, is_healthy):
    measured = flow(stack(activation, depth))
    assert measured.is_healthy == is_healthy, measured.verdict
    if not is_healthy:
        assert measured.verdict[0].startswith("Vanishing gradient in 00_flatten, 01_dense")


def test_normalisation_carries_a_gradient_through_sigmoids():
    block = (Conv2D.Config(8, 3, padding=1), BatchNorm.Config(), Sigmoid.Config())
    assert flow([*block * 3, Flatten.Config(), Dense.Config(10)]).is_healthy


@pytest.mark.parametrize(("times", "says"), [(0.5, True), (1.02, True), (1.05, False)])
def test_a_trained_network_no_better_than_a_guess_has_learnt_nothing(times, says):
    network = Network(stack(ReLU, 2), (8, 8, 1), Build(seed=1))
    captured = capture(network, IMAGES, BatchLoss(SoftmaxCrossEntropy(), LABELS))
    assert measure_flow(captured).is_healthy
    measured = measure_flow(captured, times * float(captured.values.mean()))
    assert any("has learnt nothing" in line for line in measured.verdict) == says
    assert measured.is_healthy != says


def test_large_weights_make_it_explode():
    def enlarge(network):
        for name, array in network.parameters.items():
            if name.endswith("/w"):
                array *= 8

    found = flow(stack(ReLU, 8), enlarge)
    assert any(line.startswith("Exploding gradient in") for line in found.verdict)
    assert any(line.startswith("Exploding activations in") for line in found.verdict)
    assert "exploding" in found.layers[1].words


def test_what_is_not_finite_is_said():
    def spoil(network):
        network.parameters["03_dense/w"][0, 0] = np.nan

    found = flow(stack(ReLU, 3), spoil)
    assert found.verdict[0].startswith("Not finite in")


IMAGE_RELU = [Conv2D.Config(6, 3), ReLU.Config(), Flatten.Config(), Dense.Config(10)]


@pytest.mark.parametrize("layers", [stack(ReLU, 2), IMAGE_RELU])
def test_dead_relu(layers):
    def kill(network):
        first = next(name for name in network.parameters if name.endswith("/b"))
        network.parameters[first][:] = -100

    found = flow(layers, kill)
    assert any(line.startswith("Dead ReLU units in") and "(100%)" in line for line in found.verdict)
    assert any(layer.dead == 1 and "100% dead" in layer.words for layer in found.layers)


def test_no_weights_at_all():
    zero = [Flatten.Config(), Dense.Config(10, initializer=Constant(0.0))]
    assert flow(zero).layers[0].error_norm == 0


def scaled(factor):
    """Return the flow through a layer that multiplies what passes it by `factor`, both ways."""

    def change(network):
        network.parameters["02_dense/w"][...] = factor * np.eye(10)

    return flow([Flatten.Config(), Dense.Config(10), Dense.Config(10)], change)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.9e-3, "vanishing gradient"),
        (1.1e-3, ""),
        (0.9e3, ""),
        (1.1e3, "exploding gradient"),
    ],
)
def test_the_bounds_of_a_healthy_error(factor, words):
    layer = scaled(factor).layers[1]
    assert layer.relative_error == pytest.approx(factor, rel=1e-4)
    assert layer.words == words


@pytest.mark.parametrize(("dead", "is_healthy"), [(15, True), (16, False)])
def test_a_quarter_of_the_units_is_enough(dead, is_healthy):
    def kill(network):
        network.parameters["01_dense/b"][:dead] = -100
        network.parameters["01_dense/b"][dead:] = 100

    layers = [Flatten.Config(), Dense.Config(20), ReLU.Config(), Dense.Config(10)]
    measured = flow(layers, kill)
    assert measured.layers[2].dead == pytest.approx(dead / 20)
    assert any("Dead ReLU" in line for line in measured.verdict) != is_healthy


@pytest.mark.parametrize(("factor", "word", "worst"), [(2e3, "Expl", max), (5e-4, "Vanish", min)])
def test_the_worst_layer_is_named(factor, word, worst):
    def change(network):
        for name in ("02_dense/w", "03_dense/w"):
            network.parameters[name][...] = factor * np.eye(10)

    layers = [Flatten.Config(), *[Dense.Config(10)] * 3]
    measured = flow(layers, change)
    sentence = next(line for line in measured.verdict if line.startswith(word))
    layer = worst(measured.layers[1:], key=lambda layer: layer.relative_error)
    named = worst(measured.layers, key=lambda layer: layer.relative_error)
    assert layer.layer == "01_dense"
    assert f"({named.relative_error:.1e} of the error at the output, in {named.layer})" in sentence

"""A gradient that is wrong by little gets a right name or none: most mistakes are much larger."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cnnrun
from cnnrun.engine.layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    GlobalAvgPool2D,
    LayerNorm,
    MaxPool2D,
    ReLU,
    Softmax,
    Tanh,
)

SHAPE = (5, 4, 2)
LAYERS = [
    Conv2D(Conv2D.Config(2, 3, padding=1), SHAPE),
    Dense(Dense.Config(3), (6,)),
    AvgPool2D(AvgPool2D.Config(2), SHAPE),
    GlobalAvgPool2D(GlobalAvgPool2D.Config(), SHAPE),
    MaxPool2D(MaxPool2D.Config(2), SHAPE),
    BatchNorm(BatchNorm.Config(), SHAPE),
    LayerNorm(LayerNorm.Config("all"), SHAPE),
    ReLU(ReLU.Config(), SHAPE),
    Softmax(Softmax.Config(), (6,)),
    Tanh(Tanh.Config(), SHAPE),
]


def all_of_it(dx, size):
    dx *= 1 + size


def one_element(dx, size):
    dx.flat[np.abs(dx).argmax()] *= 1 + size


def at_random(dx, size):
    dx *= 1 + size * np.random.default_rng(0).choice([-2, 2, 0.5, 0.1], dx.shape)


RIGHT = {
    all_of_it: r"constant ratio 1 \+ {size:.0e}",
    one_element: r"one element( on the border)? is {percent:.3g}% too large",
    at_random: r"\d+ of \d+ elements are wrong, the others are right",
}


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.type_name)
@pytest.mark.parametrize("damage", RIGHT, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("size", [3e-6, 1e-6, 1e-7])
def test_no_wrong_name(layer, damage, size):
    class Damaged(type(layer)):
        def backward(self, dy, ctx):
            dx = np.array(super().backward(dy, ctx))
            if dx.dtype == np.float64:
                damage(dx, size)
            return dx

    report = cnnrun.gradcheck(Damaged(layer.config, layer.input_shape), seed=3)
    allowed = RIGHT[damage].format(size=size, percent=100 * size)
    laws = {finding.message for finding in report.findings}
    for law in laws:  # two numbers that differ are seen to differ
        numbers = re.search(r"(\S+?),? (?:is not|dx to|there, not) ([^\s,]+)", law)
        assert not numbers or numbers[1] != numbers[2], law
    for text in {row.diagnosis for row in report.rows if row.diagnosis} - laws:
        assert re.match(allowed, text), text
    if damage is all_of_it and size > 1e-6:
        assert report.guilty.tensor == "x"
        assert re.match(allowed, report.diagnosis)


@pytest.mark.parametrize("size", [1e-3, 1e-5, 1e-7])
def test_numbers_that_differ_look_different(size):
    class Off(Dense):
        def backward(self, dy, ctx):
            return super().backward(dy, ctx) * (1 + size)

    report = cnnrun.gradcheck(Off(Dense.Config(3), (6,)))
    laws = {finding.message for finding in report.findings if "adjoint" in finding.message}
    assert laws
    for law in laws:
        one, other = re.findall(r"is (-?\d\S*?)(?:,|$)", law)
        assert one != other

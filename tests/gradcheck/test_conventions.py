"""Where there is no derivative, backward does what is agreed on."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cnnrun
from cnnrun.engine import Layer, LayerConfig
from cnnrun.engine.layers import LeakyReLU, ReLU


def at_zero_as_above(base):
    """Return a layer whose derivative at 0 is taken to be 1."""

    class ZeroIsPositive(base):
        def forward(self, x, ctx):
            ctx.saved["is_zero"] = x == 0
            return super().forward(x, ctx)

        def backward(self, dy, ctx):
            return np.where(ctx.saved["is_zero"], dy, super().backward(dy, ctx))

    return ZeroIsPositive(base.Config(), (4, 3, 2))


@pytest.mark.parametrize(
    ("base", "rule"),
    [
        (ReLU, "the derivative of ReLU at 0 is 0"),
        (LeakyReLU, "the derivative of a leaky ReLU at 0 is its negative slope"),
    ],
)
def test_the_derivative_at_zero(base, rule):
    report = cnnrun.gradcheck(at_zero_as_above(base))
    assert report.verdict == "fail"
    (finding,) = report.findings
    assert finding.stage == "conventions"
    assert finding.message.startswith(rule)


def by_hand(forward, slope):
    """Return a layer that acts on each element alone, as a user writes it."""

    class ByHand(Layer):
        def forward(self, x, ctx):
            ctx.saved["x"] = x
            return forward(x)

        def backward(self, dy, ctx):
            return dy * slope(ctx.saved["x"]).astype(dy.dtype)

    return ByHand(LayerConfig(), (5, 6, 2))


HALF = by_hand(lambda x: np.maximum(x, 0), lambda x: np.where(x == 0, 0.5, x > 0))
ABOVE = by_hand(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x >= 0, 1.0, 0.1))
AGREED = {
    "relu": by_hand(lambda x: np.maximum(x, 0), lambda x: x > 0),
    "leaky": by_hand(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: np.where(x > 0, 1.0, 0.1)),
    "abs, 0": by_hand(np.abs, np.sign),
    "abs, 1": by_hand(np.abs, lambda x: np.where(x < 0, -1.0, 1.0)),
    "square": by_hand(np.square, lambda x: 2 * x),
    "elu": by_hand(
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
    ),
    "steep": by_hand(lambda x: np.tanh(50 * x), lambda x: 50 / np.cosh(50 * x) ** 2),
    "cubed": by_hand(lambda x: x**3 + x, lambda x: 3 * x**2 + 1),
}


@pytest.mark.parametrize(
    ("layer", "words"),
    [(HALF, "from 0 to 1, .* be 0: dx is 0.5 times"), (ABOVE, "from 0.1 to 1, .* be 0.1: dx is 1")],
    ids=["half", "above"],
)
def test_a_bend_at_zero_in_a_layer_by_hand(layer, words):
    report = cnnrun.gradcheck(layer)
    (finding,) = report.findings
    assert (finding.stage, finding.tensor) == ("conventions", "x")
    assert re.search(words, finding.message)


@pytest.mark.parametrize("layer", AGREED.values(), ids=AGREED)
def test_layers_by_hand_that_are_right(layer):
    assert cnnrun.gradcheck(layer).findings == []

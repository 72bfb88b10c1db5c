"""What a constant factor comes from is told even where two numbers are the same."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.engine.layers import AvgPool2D, Conv2D, Dense, GlobalAvgPool2D

POOL = AvgPool2D(AvgPool2D.Config(2), (4, 6, 2))


def diagnose(layer, tensor, factor, samples=4):
    """Return the diagnosis of a gradient times `factor(samples)`."""

    class Damaged(type(layer)):
        def backward(self, dy, ctx):
            dx = np.array(super().backward(dy, ctx))
            gradient = dx if tensor == "x" else ctx.gradients[tensor]
            gradient *= factor(len(dy))
            return dx

    damaged = Damaged(layer.config, layer.input_shape)
    x = np.random.default_rng(1).standard_normal((samples, *layer.input_shape))
    return cnnrun.gradcheck(damaged, x).diagnosis


@pytest.mark.parametrize("samples", [2, 4, 5])
def test_a_window_of_four_is_not_four_samples(samples):
    assert "1/(N*N) too many, for a window of 4" in diagnose(POOL, "x", lambda n: 1 / 4, samples)
    said = diagnose(POOL, "x", lambda n: 1 / n, samples)
    assert said.endswith(f"the mean over {samples} samples instead of their sum")
    assert "a window of 4 is missing" in diagnose(POOL, "x", lambda n: 4, samples)
    said = diagnose(POOL, "x", lambda n: n, samples)
    assert said.endswith(f"the sum over {samples} samples where it should be their mean")


def test_a_factor_of_two_is_not_two_samples():
    dense = Dense(Dense.Config(3), (5,))
    assert diagnose(dense, "w", lambda n: 2, 2).endswith("a factor 2 too many")
    assert "the sum over 2 samples" in diagnose(dense, "w", lambda n: n, 2)
    assert diagnose(dense, "w", lambda n: 0.25) == "constant ratio 0.25"


def test_the_positions_alone():
    conv = Conv2D(Conv2D.Config(2, 2), (4, 3, 1))
    assert "the mean over 6 positions" in diagnose(conv, "b", lambda n: 1 / 6, 6)
    assert "24 samples and positions" in diagnose(conv, "b", lambda n: 1 / (6 * n))
    assert diagnose(conv, "b", lambda n: 1 / 6, 1).endswith(
        "the mean over 6 positions instead of their sum"
    )


def test_a_layer_that_does_not_take_the_other_batch():
    class Fixed(Dense):
        def forward(self, x, ctx):
            if len(x) == 5:
                raise ValueError("five are too many")
            return super().forward(x, ctx)

    assert "the mean over 4 samples" in diagnose(Fixed(Dense.Config(3), (5,)), "w", lambda n: 1 / 4)


def test_what_cannot_be_told_apart_is_named_twice():
    pool = AvgPool2D(AvgPool2D.Config(2), (2, 2, 3))
    said = diagnose(pool, "x", lambda n: 4)
    assert "a window of 4 is missing" in said
    assert " or the 1/(H*W) of 4 pixels is missing" in said
    alone = GlobalAvgPool2D(GlobalAvgPool2D.Config(), (2, 2, 3))
    assert " or " not in diagnose(alone, "x", lambda n: 4)

"""Upsampling: hand-worked numbers, sizes, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Build, Context, Network
from cnnrun.engine.layers import Upsample2D
from cnnrun.errors import ShapeError

ROW = np.array([0.0, 4.0]).reshape(1, 1, 2, 1)


def run(config, x, dy):
    """Return y and dx, in rows."""
    layer, ctx = Upsample2D(config, x.shape[1:], Build(np.dtype(np.float64))), Context()
    y = layer.forward(x, ctx).copy()
    return y.ravel().tolist(), layer.backward(np.reshape(dy, y.shape), ctx).ravel().tolist()


def test_nearest_repeats_and_adds_up():
    y, dx = run(Upsample2D.Config((1, 2)), ROW, [1.0, 2.0, 3.0, 5.0])
    assert y == [0, 0, 4, 4]
    assert dx == [3, 8]


def test_bilinear_weighs_by_distance():
    """The centres of the outputs lie at -1/4, 1/4, 3/4 and 5/4 of the two inputs."""
    y, dx = run(Upsample2D.Config((1, 2), "bilinear"), ROW, [1.0, 2.0, 4.0, 8.0])
    assert y == [0, 1, 3, 4]
    assert dx == [1 + 0.75 * 2 + 0.25 * 4, 0.25 * 2 + 0.75 * 4 + 8]


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_a_constant_image_stays_constant(method):
    layer = Upsample2D(Upsample2D.Config((3, 2), method), (4, 5, 2))
    assert layer.output_shape == (12, 10, 2)
    y = layer.forward(np.full((2, 4, 5, 2), 7, np.float32), Context())
    np.testing.assert_allclose(y, 7, rtol=1e-6)


@pytest.mark.parametrize("method", ["nearest", "bilinear"])
def test_what_is_no_image_or_absurdly_large_is_refused(method):
    with pytest.raises(ShapeError, match="needs an input of height x width x channels, got 5"):
        Network([Upsample2D.Config(2, method)], (5,))
    with pytest.raises(ShapeError, match="values for each sample"):
        Network([Upsample2D.Config(10**6, method)], (5, 5, 1))

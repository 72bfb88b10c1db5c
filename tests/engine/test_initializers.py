"""Initializers: the moments they promise."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import INITIALIZERS, Build
from cnnrun.engine.initializers import Constant, HeNormal, Orthogonal, Zeros

SHAPE, FAN_IN, FAN_OUT = (200, 300), 200, 300
NUMERATOR = {"he": 2 / FAN_IN, "glorot": 2 / (FAN_IN + FAN_OUT), "lecun": 1 / FAN_IN}
RANDOM = [f"{name}_{kind}" for name in NUMERATOR for kind in ("normal", "uniform")]


@pytest.mark.parametrize("name", RANDOM)
def test_mean_and_variance(name):
    values = INITIALIZERS.get(name)()(SHAPE, FAN_IN, FAN_OUT, np.random.default_rng(0))
    variance = NUMERATOR[name.split("_")[0]]
    assert values.shape == SHAPE
    assert abs(values.mean()) < 5 * np.sqrt(variance / values.size)
    assert values.var() == pytest.approx(variance, rel=0.03)
    if name.endswith("uniform"):
        assert np.abs(values).max() <= np.sqrt(3 * variance)


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (2, 2, 1, 9), (5, 5)])
def test_orthogonal(shape):
    matrix = Orthogonal(gain=2.0)(shape, 1, 1, np.random.default_rng(0)).reshape(-1, shape[-1])
    small = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(3, 8), (8, 3), (3, 3, 2, 5), (1, 1, 1, 4)])
def test_weights_are_contiguous_and_a_seed_repeats_them(name, shape):
    cls = INITIALIZERS.get(name)
    initializer = cls(0.5) if cls is Constant else cls()
    first, again, other = (
        Build(seed=seed).initialize(initializer, shape, 4, 4) for seed in (1, 1, 2)
    )
    assert first.shape == shape
    assert first.flags.c_contiguous
    np.testing.assert_array_equal(first, again)
    assert np.array_equal(first, other) == (cls in (Zeros, Constant))


def test_zeros_and_constant():
    rng = np.random.default_rng(0)
    assert not Zeros()((2, 2), 1, 1, rng).any()
    assert (Constant(0.5)((2, 2), 1, 1, rng) == 0.5).all()


def test_every_initializer_is_tested():
    assert {*RANDOM, "orthogonal", "zeros", "constant"} == set(INITIALIZERS)


def test_float32_weights_are_the_float64_ones_rounded():
    single, double = (
        Build(np.dtype(dtype), seed=5).initialize(HeNormal(), (4, 3), 4, 3)
        for dtype in ("float32", "float64")
    )
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))

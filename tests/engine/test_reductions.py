"""Sums in blocks are those of all values, and no square is lost."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnnrun.engine import Context
from cnnrun.engine.kernels.reductions import (
    BLOCK,
    CHUNK,
    DOT,
    channel_sums,
    rough_sum_of_squares,
    sum_of_squares,
)


@pytest.mark.parametrize("rows", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_sums_of_channels_take_every_row_once(rows):
    x = np.random.default_rng(rows).random((rows, 3)).astype(np.float32)
    sums = channel_sums(x, Context().buffer)
    assert sums.dtype == np.float64
    np.testing.assert_allclose(sums, [math.fsum(channel) for channel in x.T], rtol=1e-5)


@pytest.mark.parametrize("size", [1, DOT - 1, DOT + 1, CHUNK + 1])
@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1, 1e30])
def test_sums_of_squares_neither_vanish_nor_overflow(size, scale):
    x = (scale * np.random.default_rng(size).standard_normal(size)).astype(np.float32)
    expected = math.fsum(float(value) ** 2 for value in x)
    assert sum_of_squares(x) == pytest.approx(expected, rel=1e-12, abs=0)
    assert rough_sum_of_squares(x) == pytest.approx(expected, rel=1e-5, abs=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(value):
    assert not math.isfinite(rough_sum_of_squares(np.array([1, value, 2], np.float32)))

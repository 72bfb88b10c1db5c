"""Compiled kernels give the bits of the NumPy ones, also for what is not finite."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Context
from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels import accelerated
from cnnrun.engine.kernels.activation import relu_gradient
from cnnrun.engine.kernels.max_pooling import max_pool, max_pool_gradient
from cnnrun.engine.optimizers import SGD

DTYPES = ["float32", "float64"]
pytest.importorskip("numba")


@pytest.fixture(params=[0])
def convolution_method(request):
    """Neither variant is forced: these tests switch themselves."""


@pytest.fixture
def both(monkeypatch):
    """Call a function with NumPy's kernels and with compiled ones; return what both gave."""

    def run(function):
        found = []
        for choice in ("numpy", "auto"):
            monkeypatch.setenv(accelerated.SWITCH, choice)
            accelerated.kernels.cache_clear()
            assert (accelerated.kernels() is None) == (choice == "numpy")
            assert (accelerated.version() is None) == (choice == "numpy")
            with np.errstate(all="ignore"):
                found.append(function())
        return zip(*found, strict=True)

    yield run
    accelerated.kernels.cache_clear()


def draw(shape, dtype, seed=0):
    """Return few different numbers, so that there are ties, and some that are not finite."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-2, 3, shape).astype(dtype)
    for value in (np.nan, np.inf, -np.inf, -0.0):
        x[rng.random(shape) < 0.03] = value
    return x


def assert_same_bits(pairs):
    for numpy, compiled in pairs:
        assert numpy.dtype == compiled.dtype
        same_nan = np.isnan(numpy) & np.isnan(compiled)  # which NaN it is does not matter
        np.testing.assert_array_equal(
            numpy.tobytes() if not same_nan.any() else numpy,
            compiled.tobytes() if not same_nan.any() else compiled,
        )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 8, 6, 5), (2, 7, 9, 1), (1, 2, 2, 33), (2, 3, 2, 4)])
def test_pooling(shape, dtype, both):
    window = Window.for_pooling(shape[1:3], 2, None, "valid")
    x, out = draw(shape, dtype), (shape[0], shape[1] // 2, shape[2] // 2, shape[3])
    dy = draw(out, dtype, 1)

    def run():
        y, winner, dx = np.empty(out, dtype), np.empty(out, np.uint8), np.full(shape, 7, dtype)
        max_pool(x, window, y, winner, Context().buffer)
        max_pool_gradient(dy, winner, window, dx, Context().buffer)
        return y, winner, dx

    assert_same_bits(both(run))


@pytest.mark.parametrize("dtype", DTYPES)
def test_relu(dtype, both):
    y, dy = np.maximum(draw((4, 5, 3), dtype), 0), draw((4, 5, 3), dtype, 1)

    def run():
        dx = np.empty_like(y)
        relu_gradient(y, dy, dx, Context().buffer)
        return (dx,)

    assert_same_bits(both(run))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("decay", [0, 1e-3])
def test_momentum(dtype, decay, both):
    rng = np.random.default_rng(0)
    start, gradients = (rng.standard_normal((2, 1000)).astype(dtype) for _ in range(2))

    def run():
        p, velocity = (array.copy() for array in start)
        for gradient in gradients:
            step = gradient.copy()
            SGD(momentum=0.9).update_chunk(p, step, [velocity], 0.0123, decay, 1)
        return p, velocity

    assert_same_bits(both(run))


def test_arrays_that_are_not_plain_are_left_to_numpy():
    assert accelerated.are_plain(np.zeros((2, 2)), np.zeros(3))
    assert not accelerated.are_plain(np.zeros((4, 4))[:, ::2])
    assert not accelerated.are_plain(np.zeros(3, np.float16))
    assert not accelerated.are_plain(np.zeros(3), np.zeros(3, np.float32))
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    assert not accelerated.are_plain(frozen)

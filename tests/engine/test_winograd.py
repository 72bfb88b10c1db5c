"""Winograd's method: its matrices by hand, its error in float32, and when it is chosen."""

from __future__ import annotations

import numpy as np
import pytest
import references

from cnnrun.engine.context import Context
from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels import columns, convolution, winograd
from cnnrun.engine.kernels.convolution import winograd_pays
from cnnrun.engine.kernels.winograd import Algorithm

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def test_the_matrices_are_those_of_lavin_and_gray():
    way = Algorithm.of(4, 3, FLOAT64)
    assert way.output_transform.tolist() == [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
    # Theirs has some signs exchanged between the filter's and the input's matrix.
    assert way.input_transform.tolist() == [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    sixth, twelfth = 1 / 6, 1 / 12
    np.testing.assert_allclose(
        way.filter_transform,
        [
            [1 / 4, 0, 0],
            [-sixth, -sixth, -sixth],
            [-sixth, sixth, -sixth],
            [1 / 24, twelfth, sixth],
            [1 / 24, -twelfth, sixth],
            [0, 0, 1],
        ],
    )


@pytest.mark.parametrize("taps", range(2, 8))
@pytest.mark.parametrize("outputs", [2, 4])
def test_every_algorithm_filters_a_row(outputs, taps):
    if outputs + taps - 2 > len(winograd.POINTS):
        pytest.skip("more points than there are")
    way = Algorithm.of(outputs, taps, FLOAT64)
    rng = np.random.default_rng(taps)
    x, w = rng.standard_normal(way.points), rng.standard_normal(taps)
    products = (way.filter_transform @ w) * (way.input_transform @ x)
    direct = [sum(w[i] * x[k + i] for i in range(taps)) for k in range(outputs)]
    np.testing.assert_allclose(way.output_transform @ products, direct, atol=1e-12)


@pytest.mark.parametrize("kernel", [(2, 2), (3, 3), (4, 3), (5, 5), (7, 3)])
@pytest.mark.parametrize("channels", [8, 64])
def test_its_error_in_float32_is_bounded(kernel, channels):
    """The bound that docs/performance.md states, of outputs and gradients alike."""
    rng = np.random.default_rng(channels)
    window = Window.fit((16, 16), kernel, padding="same")
    x = rng.standard_normal((4, 16, 16, channels)).astype(np.float32)
    w = rng.standard_normal((*kernel, channels, 32)).astype(np.float32)
    dy = rng.standard_normal((4, 16, 16, 32)).astype(np.float32)

    def run(method, dtype):
        arrays = [array.astype(dtype) for array in (x, w, dy)]
        y, dw, dx = (np.empty_like(array) for array in (arrays[2], arrays[1], arrays[0]))
        ctx = Context()
        method.convolve(arrays[0], arrays[1], window, y, ctx.buffer)
        method.filter_gradient(arrays[0], arrays[2], window, dw, ctx.buffer)
        method.input_gradient(arrays[2], arrays[1], window, dx, ctx.buffer)
        return y, dw, dx

    exact = run(columns, np.float64)
    for found, right in zip(run(winograd, np.float32), exact, strict=True):
        assert np.abs(found - right).max() < 1e-5 * np.abs(right).max()
    for found, right in zip(run(winograd, np.float64), exact, strict=True):
        assert np.abs(found - right).max() < 1e-13 * np.abs(right).max()


def test_it_pays_for_dense_windows_and_enough_channels():
    window = Window.fit((16, 16), (3, 3), padding="same")
    assert winograd_pays(window, 32, 32)
    assert winograd_pays(window, 3, 3)
    assert not winograd_pays(window, 2, 32)
    assert not winograd_pays(window, 32, 2)
    for options in ({"stride": (2, 2)}, {"dilation": (2, 2)}, {"padding": 3}):
        assert not winograd_pays(Window.fit((16, 16), (3, 3), **options), 32, 32)
    assert not winograd_pays(Window.fit((16, 16), (1, 1)), 32, 32)


def test_a_window_it_cannot_do_is_left_to_the_direct_sum():
    window = Window.fit((9, 9), (3, 3), stride=(2, 2))
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((2, 9, 9, 4)), rng.standard_normal((3, 3, 4, 5))
    outputs = [np.empty((2, 4, 4, 5)) for _ in range(2)]
    for method, y in zip(("columns", "winograd"), outputs, strict=True):
        convolution.convolve(method, x, w, None, window, y, Context().buffer)
    np.testing.assert_array_equal(*outputs)


def test_a_value_that_is_not_finite_stays_in_its_sample():
    rng = np.random.default_rng(0)
    window = Window.fit((8, 8), (3, 3), padding="same")
    x = rng.standard_normal((3, 8, 8, 8)).astype(np.float32)
    w = rng.standard_normal((3, 3, 8, 8)).astype(np.float32)
    x[1, 4, 4, 2] = np.nan
    y = np.empty((3, 8, 8, 8), np.float32)
    winograd.convolve(x, w, window, y, Context().buffer)
    assert np.isnan(y[1]).any()
    assert np.isfinite(y[[0, 2]]).all()


def test_nested_loops_agree():
    rng = np.random.default_rng(0)
    arrays = {
        "x": rng.standard_normal((2, 6, 5, 2)),
        "w": rng.standard_normal((3, 3, 2, 3)),
        "dy": rng.standard_normal((2, 6, 5, 3)),
    }
    options = {"filters": 3, "kernel_size": 3, "padding": "same"}
    expected = references.run("conv2d", arrays, options)
    window = Window.fit((6, 5), (3, 3), padding="same")
    y = np.empty((2, 6, 5, 3))
    winograd.convolve(arrays["x"], arrays["w"], window, y, Context().buffer)
    np.testing.assert_allclose(y, expected["y"], atol=1e-12)

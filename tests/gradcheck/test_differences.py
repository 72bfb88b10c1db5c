"""Numerical derivatives of functions whose derivatives are known, smooth and not."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.gradcheck.points.probes import Outcome, Probe
from cnnrun.gradcheck.stages.differences import Line, differentiate


class Function(Probe):
    """A function of one array, as a probe; `choices` gives the branches taken."""

    def __init__(self, function, x, choices=None):
        self.name = "function"
        self.function, self.choices = function, choices
        self.values = {"x": np.array(x, float)}

    def forward(self):
        x = self.values["x"]
        branches = self.choices(x).tobytes() if self.choices else b""
        return Outcome(np.array(self.function(x), float).reshape(-1), branches)


def derivative(function, x, index=(0,), choices=None, upstreams=None):
    probe = Function(function, x, choices)
    base = probe.forward()
    upstreams = upstreams or [np.ones_like(base.y)]
    line = Line(probe, "x", index)
    found = differentiate(line, base, upstreams)
    np.testing.assert_array_equal(probe.values["x"], np.array(x, float))  # put back to the bit
    return found, line.passes


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (np.exp, 1.0, np.e),
        (np.sin, 0.7, np.cos(0.7)),
        (lambda x: x**3, -2.0, 12.0),
        (lambda x: 3 * x + 1, 1e4, 3.0),
        (lambda x: 1e-6 * x**2, 3.0, 6e-6),
        (np.sqrt, 1e-2, 5.0),
    ],
)
def test_smooth_functions(function, x, expected):
    found, passes = derivative(function, [x])
    assert found.value[0] == pytest.approx(expected, rel=1e-8)
    assert abs(found.value[0] - expected) <= 30 * found.error[0]
    assert not found.has_kink
    assert passes == 4


def test_a_direction_is_the_sum_over_elements():
    x, d = np.array([0.3, -0.7, 1.1]), np.array([1.0, -2.0, 0.5])
    found, _ = derivative(np.sin, x, d)
    assert found.value[0] == pytest.approx(np.sum(np.cos(x) * d), rel=1e-9)


def test_several_upstream_gradients_cost_no_more_passes():
    g = [np.array([1.0, 2.0]), np.array([-3.0, 0.5])]
    found, passes = derivative(np.sin, [0.3, 0.4], (1,), upstreams=g)
    np.testing.assert_allclose(found.value, [2 * np.cos(0.4), 0.5 * np.cos(0.4)], rtol=1e-9)
    assert passes == 4


@pytest.mark.parametrize("choices", [None, lambda x: x > 0])
def test_at_a_kink_there_is_none(choices):
    found, passes = derivative(np.abs, [0.0], choices=choices)
    assert found.has_kink
    assert passes == 16


@pytest.mark.parametrize("choices", [None, lambda x: x > 0])
@pytest.mark.parametrize("x", [3e-6, -4e-6, 7e-8])
def test_near_a_kink_the_step_shrinks(choices, x):
    found, passes = derivative(lambda v: np.maximum(v, 0), [x], choices=choices)
    assert not found.has_kink
    assert found.value[0] == pytest.approx(float(x > 0), abs=1e-6)
    assert found.step < 1e-5
    assert passes > 4


def test_a_small_kink_among_much_else_is_seen():
    found, _ = derivative(lambda v: 100 * v + 1e-2 * np.abs(v), [0.0])
    assert found.has_kink


def test_branches_that_change_hands_without_a_change_of_slope():
    """Two equal maxima that move together: which of them wins does not matter."""
    both = lambda x: np.maximum(x[0], x[0] + 0 * x[0])  # noqa: E731
    noisy = lambda x: np.array(x[0] * 1e9 % 2 > 1)  # noqa: E731 - flips at every step
    found, passes = derivative(both, [0.5], choices=noisy)
    assert not found.has_kink
    assert found.value[0] == pytest.approx(1.0)
    assert passes == 16

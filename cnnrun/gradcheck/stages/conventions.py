"""What is agreed on where there is no derivative: at 0 for ReLU, at ties for max pooling."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Layer
from cnnrun.engine.layers import LeakyReLU, MaxPool2D, ReLU
from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.definitions import Winners, max_pool_shares
from cnnrun.gradcheck.points.probes import LayerProbe, Outcome
from cnnrun.gradcheck.report.findings import Finding, written_apart
from cnnrun.gradcheck.stages.exact import check_conservation

__all__ = ["check_conventions"]

STEP = 1e-6
"""To the left and to the right of 0, where a function that somebody else wrote may bend."""

BEND, STEEPEST = 1e-3, 1e3
"""Slopes on the two sides that differ by more are a bend; steeper ones are a jump."""


def check_conventions(layer: Layer, name: str, rng: np.random.Generator) -> list[Finding]:
    """Return how a float64 layer breaks the conventions, at inputs full of zeros and ties."""
    for tied in _tied_inputs(layer, rng):
        probe = LayerProbe(layer, tied, name=name)
        base = probe.forward()
        dy = rng.standard_normal(base.y.shape)
        dx = probe.backward(dy)["x"]
        expected, rule = _agreed(layer, tied, dy)
        if expected is not None:
            wrong = np.abs(dx - expected) > 1e-12 * (1 + np.abs(expected))
            if wrong.any():
                index = tuple(map(int, np.argwhere(wrong)[0]))
                was, should = written_apart(float(dx[index]), float(expected[index]))
                message = f"{rule}: dx is {was} there, not {should}"
                message += _what_was_done(layer, tied, dy, dx)
                return [Finding(name, "x", "conventions", message, index)]
        elif not tied.any():
            wrong_slope = _slope_at_zero(probe, base, dy, dx)
            if wrong_slope is not None:
                return [wrong_slope]
        for broken in check_conservation(probe, base, [dy], [dx]):
            message = f"at ties {broken.message}"
            times = float(np.sum(dx) / np.sum(dy))
            if not tied.any() and times > 1.5 and abs(times - round(times)) < 1e-6:
                message += f", {times:.0f} times as much: it is given to all tied winners"
            return [Finding(name, "x", "conventions", message)]
    return []


def _tied_inputs(layer: Layer, rng: np.random.Generator) -> list[Array]:
    """Return inputs of which all, or many, values are equal."""
    shape = (2, *layer.input_shape)
    return [np.zeros(shape), rng.integers(-1, 2, shape).astype(np.float64)]


def _agreed(layer: Layer, x: Array, dy: Array) -> tuple[Array | None, str]:
    """Return the dx that the conventions ask for, and their words; None where there are none."""
    if isinstance(layer, MaxPool2D):
        return max_pool_shares(layer.window, x, dy), "on a tie the first maximum takes the error"
    if isinstance(layer, ReLU):
        return dy * (x > 0), "the derivative of ReLU at 0 is 0"
    if isinstance(layer, LeakyReLU):
        slope = np.where(x > 0, 1.0, layer.config.negative_slope)
        return dy * slope, "the derivative of a leaky ReLU at 0 is its negative slope"
    return None, ""


def _slope_at_zero(probe: LayerProbe, base: Outcome, dy: Array, dx: Array) -> Finding | None:
    """Return how a layer by somebody else breaks what holds for ReLU, where it bends at 0 too.

    Where it acts on each element alone and its slopes on the two sides of 0 differ, backward takes
    the one to the left, or the one between them that is nearest to 0; as |x| has a slope of either
    sign, any of its two will do as well.
    """
    x = probe.values["x"]
    if base.y.shape != x.shape:
        return None
    moved, still = np.zeros(x.shape, bool), {}
    moved.flat[::2] = True
    for side in (-STEP, STEP):
        x[...] = np.where(moved, side, 0.0)
        y = probe.forward().y
        if not np.array_equal(y[~moved], base.y[~moved]):
            x[...] = 0.0
            return None  # an element acts on others
        still[side] = (y - base.y)[moved] / side
    x[...] = 0.0
    left, right = still[-STEP], still[STEP]
    between = np.where(left * right < 0, 0.0, np.where(np.abs(left) < np.abs(right), left, right))
    claimed = dx[moved] / dy[moved]
    bends = np.abs(left - right) > BEND
    bends &= np.maximum(np.abs(left), np.abs(right)) < STEEPEST
    is_wrong = bends
    for agreed in (left, between, np.where(left * right < 0, right, left)):
        is_wrong &= np.abs(claimed - agreed) > BEND
    if not is_wrong.any():
        return None
    first = int(np.argmax(is_wrong))
    index = tuple(map(int, np.argwhere(moved)[first]))
    message = (
        f"where the slope changes at 0, from {left[first] + 0.0:.3g} to {right[first] + 0.0:.3g}, "
        f"the derivative is agreed to be {between[first] + 0.0:.3g}: dx is {claimed[first]:.3g} "
        "times dy there"
    )
    return Finding(probe.name, "x", "conventions", message, index)


def _what_was_done(layer: Layer, x: Array, dy: Array, dx: Array) -> str:
    """Return what a max pooling did instead, if it is known."""
    instead: dict[Winners, str] = {
        "all": "the error is given to all tied winners",
        "last": "the last tied winner takes it",
        "shared": "the error is shared among tied winners",
    }
    if isinstance(layer, MaxPool2D):
        for winners, text in instead.items():
            if np.allclose(dx, max_pool_shares(layer.window, x, dy, winners), rtol=1e-9):
                return f"; {text}"
    return ""

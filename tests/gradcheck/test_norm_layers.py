"""Mistakes in normalisation layers written by hand are named, whatever the layers are called."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.engine import Layer

EPSILON = 1e-3


class Norm(Layer):
    """Normalises x, seen as `view`, over `axes`, as one writes it first; `slip` is the mistake."""

    view = (-1, 4, 3, 4)
    axes = (0, 1, 2)
    correction = 0
    slip = ""

    def build(self, build):
        self.params["scale"] = np.ones(self.input_shape[-1], self.dtype)
        self.params["offset"] = np.zeros(self.input_shape[-1], self.dtype)
        return self.input_shape

    def forward(self, x, ctx):
        v = x.reshape(self.view)
        mean = v.mean(axis=self.axes, keepdims=True)
        variance = v.var(axis=self.axes, keepdims=True, ddof=self.correction)
        eps = self.dtype.type(EPSILON)
        h = (v - mean) / np.sqrt(variance + eps)
        ctx.saved.update(x=x, centred=v - mean, variance=variance, h=h)
        return h.reshape(x.shape) * self.params["scale"] + self.params["offset"]

    def backward(self, dy, ctx):
        slip, scale, h, var = (
            self.slip,
            self.params["scale"],
            *map(ctx.saved.get, ("h", "variance")),
        )
        rest = tuple(range(dy.ndim - 1))
        flat_h = h.reshape(dy.shape)
        seen = {
            "gamma of x": ctx.saved["x"],
            "gamma of centred": ctx.saved["centred"].reshape(dy.shape),
        }
        ctx.gradient("scale", scale)[...] = (dy * seen.get(slip, flat_h)).sum(axis=rest)
        ctx.gradient("offset", scale)[...] = (dy * (scale if slip == "beta with gamma" else 1)).sum(
            axis=rest
        )
        eps = self.dtype.type(0 if slip == "no epsilon" else EPSILON)
        deviation = np.sqrt(var + eps)
        if slip == "epsilon outside":
            deviation = np.sqrt(var) + eps
        h = ctx.saved["centred"] / deviation
        inside = slip not in ("no gamma", "gamma last")
        g = (dy * scale if inside else dy).reshape(h.shape)
        axes = {"wrong axes": (0, 1)}.get(slip, self.axes)
        count = np.prod([h.shape[axis] for axis in axes])
        divisor = count - self.correction
        if slip == "divisor":
            divisor = count - 1 + self.correction
        mean = g.sum(axis=axes, keepdims=True) / (1 if slip == "sums" else count)
        coupling = (g * h).sum(axis=axes, keepdims=True) / (1 if slip == "sums" else divisor)
        dx = g - (0 if slip == "no mean" else mean) - (0 if slip == "no variance" else h * coupling)
        dx = (dx if slip == "no deviation" else dx / deviation).reshape(dy.shape)
        return (dx * scale if slip == "gamma last" else dx).astype(dy.dtype)


KINDS = {
    "batch": {},
    "layer": {"axes": (3,)},
    "instance": {"axes": (1, 2)},
    "group": {"view": (-1, 4, 3, 2, 2), "axes": (1, 2, 4)},
    "corrected": {"correction": 1},
}

NAMES = {
    "no mean": ("x", "the term of the mean is missing"),
    "no variance": ("x", "the term of the variance is missing"),
    "divisor": ("x", "the term of the variance is divided by N"),
    "no gamma": ("x", "scale is missing"),
    "gamma last": ("x", "scale stands outside the means"),
    "no epsilon": ("x", "epsilon is left out"),
    "epsilon outside": ("x", "epsilon is added to the deviation"),
    "sums": ("x", "stand where means should"),
    "no deviation": ("x", "the division by the deviation is missing"),
    "gamma of x": ("scale", "it is of x, not of the normalised h"),
    "gamma of centred": ("scale", "it is of x - mean"),
    "beta with gamma": ("offset", "scale is in it, but the shift comes after that"),
}


def diagnose(slip, **kind):
    layer = type("Mine", (Norm,), {"slip": slip, **kind})(Norm.Config(), (4, 3, 4))
    report = cnnrun.gradcheck(layer, seed=1)
    return report.guilty.tensor if report.guilty else None, report.diagnosis


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slip", NAMES)
def test_the_usual_mistakes_are_named(slip, kind):
    if slip == "gamma last" and kind not in ("layer", "group"):
        assert diagnose(slip, **KINDS[kind]) == (None, None)  # gamma is the same in a group
        return
    tensor, name = NAMES[slip]
    guilty, said = diagnose(slip, **KINDS[kind])
    assert guilty == tensor
    assert name in said


def test_the_wrong_axes_are_named():
    _, said = diagnose("wrong axes")
    assert said == (
        "the means are taken over samples and rows, in forward over samples, rows and columns"
    )


def test_the_count_is_named():
    _, said = diagnose("divisor")
    assert "divided by N - 1, forward divides by N; N = " in said
    _, said = diagnose("divisor", correction=1)
    assert "divided by N, forward divides by N - 1; N = " in said


def test_another_layer_is_not_taken_for_a_normalisation():
    class Centring(Layer):
        def forward(self, x, ctx):
            return x - x.mean(axis=0)

        def backward(self, dy, ctx):
            return dy.copy()

    report = cnnrun.gradcheck(Centring(Layer.Config(), (4,)), seed=1)
    assert report.guilty.tensor == "x"
    assert "deviation" not in report.diagnosis
    assert "variance" not in report.diagnosis


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("refuses", [True, False])
def test_a_parameter_that_may_not_be_zero(refuses):
    class Dividing(Layer):
        def build(self, build):
            self.params["d"] = np.ones(self.input_shape, self.dtype)
            return self.input_shape

        def forward(self, x, ctx):
            if refuses and not self.params["d"].all():
                raise ZeroDivisionError
            return x / self.params["d"]

        def backward(self, dy, ctx):
            ctx.gradient("d", self.params["d"])[...] = dy.sum(axis=0)
            return dy.copy()

    report = cnnrun.gradcheck(Dividing(Layer.Config(), (4,)), seed=1)
    assert report.verdict == "fail"
    said = {row.tensor: row.diagnosis for row in report.rows}
    assert said["x"].startswith("dx is dy")
    assert "deviation" not in (said["d"] or "")

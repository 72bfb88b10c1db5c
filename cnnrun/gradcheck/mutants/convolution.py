"""Mistakes in convolution and dense layers: rotation, borders, stride, sums."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine import layers as of
from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.definitions import full_convolution
from cnnrun.gradcheck.mutants.catalogue import mutant, right_backward
from cnnrun.gradcheck.points.cases import Case

IMAGE = (6, 5, 2)
CONV = Case(of.Conv2D.Config(3, 3, padding=1), IMAGE)
STRIDED = Case(of.Conv2D.Config(2, 3, stride=2, padding=1), (7, 7, 2))
DILATED = Case(of.Conv2D.Config(2, 2, dilation=2), IMAGE)
DENSE = Case(of.Dense.Config(4), (5,))


@mutant("filter not rotated by 180 degrees", CONV, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    w = layer.params["w"]
    kept = w.copy()
    w[...] = w[::-1, ::-1].copy()
    turned = Context(ctx.run)
    layer.forward(ctx.saved["x_noted"], turned)
    dx = right_backward(layer, dy, turned)
    w[...] = kept
    return dx


@mutant("filter gradient rotated by 180 degrees", CONV, "exact", tensor="w")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"] = ctx.gradients["w"][::-1, ::-1].copy()
    return dx


@mutant("filter gradient transposed", CONV, "exact", tensor="w")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"] = ctx.gradients["w"].swapaxes(0, 1).copy()
    return dx


@mutant("one border pixel of dx set to zero", CONV, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    dx[0, 0, 2, 0] = 0
    return dx


@mutant("the whole border of dx missing", CONV, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx: Array = np.zeros_like(ctx.saved["x_noted"])
    dx[:, 1:-1, 1:-1] = right_backward(layer, dy, ctx)[:, 1:-1, 1:-1]
    return dx


@mutant("last row of the error forgotten", CONV, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    dx[:, -1] = 0
    return dx


@mutant("one filter tap 1% off", CONV, "exact", tensor="w")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"][1, 2, 0, 1] *= 1.01
    return dx


@mutant("mean instead of sum in the bias", CONV, "exact", tensor="b")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["b"] = dy.mean(axis=(0, 1, 2))
    return dx


@mutant("stride ignored in dx", STRIDED, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    return full_convolution(layer, ctx.saved["x_noted"].shape, dy, stride=(1, 1))


@mutant("dilation ignored in dx", DILATED, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    return full_convolution(layer, ctx.saved["x_noted"].shape, dy, dilation=(1, 1))


@mutant("padding not cropped from dx", CONV, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    return full_convolution(layer, ctx.saved["x_noted"].shape, dy, crop=(0, 0))


@mutant("overlapping windows assigned instead of accumulated", CONV, "exact")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    return full_convolution(layer, ctx.saved["x_noted"].shape, dy, accumulate=False)


@mutant("only the last sample in the filter gradient", CONV, "exact", tensor="w")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    last = np.zeros_like(dy)
    last[-1] = dy[-1]
    right_backward(layer, last, ctx)
    dw = ctx.gradients["w"].copy()
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"] = dw
    return dx


@mutant("gradients added to those of the last step", CONV, "contract", tensor="w")
def _(layer: of.Conv2D, dy: Array, ctx: Context) -> Array:
    before = ctx.gradients.get("w", np.zeros_like(layer.params["w"])).copy()
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"] = before + ctx.gradients["w"]
    return dx


@mutant("weight gradient scaled by the batch size", DENSE, "exact", tensor="w")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"] = ctx.gradients["w"] / len(dy)
    return dx


@mutant("weights not transposed in dx", Case(of.Dense.Config(5), (5,)), "exact")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    return np.asarray(dy @ layer.params["w"])


@mutant("bias gradient forgotten", DENSE, "contract", tensor="b")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    del ctx.gradients["b"]
    return dx

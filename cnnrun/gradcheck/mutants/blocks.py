"""Mistakes in normalisation and in blocks of two paths: terms of the chain rule left out."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine import layers as of
from cnnrun.engine.types import Array
from cnnrun.gradcheck.mutants.catalogue import mutant, right_backward
from cnnrun.gradcheck.points.cases import Case

NORM = Case(of.BatchNorm.Config(), (6, 5, 2))
LAYER_NORM = Case(of.LayerNorm.Config(), (6,))


@mutant("batch norm: the mean taken as a constant", NORM, "elements")
def _(layer: of.BatchNorm, dy: Array, ctx: Context) -> Array:
    h, count = ctx.saved["h"], ctx.saved["count"]
    right_backward(layer, dy, ctx)
    if not count:
        return right_backward(layer, dy, ctx)
    scale = layer.params["gamma"] * ctx.saved["inverse"]
    return np.array(scale * (dy - h * (dy * h).mean(axis=(0, 1, 2))))


@mutant("batch norm: the variance taken as a constant", NORM, "elements")
def _(layer: of.BatchNorm, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    if not ctx.saved["count"]:
        return right_backward(layer, dy, ctx)
    scale = layer.params["gamma"] * ctx.saved["inverse"]
    return np.array(scale * (dy - dy.mean(axis=(0, 1, 2))))


@mutant("batch norm: gamma's gradient of x, not of h", NORM, "exact", tensor="gamma")
def _(layer: of.BatchNorm, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["gamma"] = ctx.gradients["gamma"] / ctx.saved["inverse"]
    return dx


@mutant("layer norm: gamma forgotten in dx", LAYER_NORM, "elements")
def _(layer: of.LayerNorm, dy: Array, ctx: Context) -> Array:
    gamma = layer.params["gamma"]
    kept = gamma.copy()
    gamma[...] = 1
    dx = right_backward(layer, dy, ctx)
    gamma[...] = kept
    return dx


@mutant(
    "residual block: the shortcut's error forgotten",
    Case(of.Residual.Config((of.Dense.Config(5),)), (5,)),
    "exact",
)
def _(layer: of.Residual, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, dy, ctx) - dy


SKIP = Case(of.Concat.Config((of.Dense.Config(5), of.Tanh.Config())), (5,))


@mutant("skip: the shortcut's error forgotten", SKIP, "elements")
def _(layer: of.Concat, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    channels = layer.branch.output_shape[-1]
    branch = layer.branch.backward(dy[..., :channels], ctx.child(0, "branch"))
    return np.array(branch)


@mutant("skip: each path given the other's error", SKIP, "elements")
def _(layer: of.Concat, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, np.roll(dy, layer.branch.output_shape[-1], axis=-1), ctx)

"""Mistakes that show only in training: on other batches, shards and dtypes, and at large values."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine import layers as of
from cnnrun.engine.layer import NO_GRADIENT
from cnnrun.engine.types import Array
from cnnrun.gradcheck.mutants.catalogue import mutant, right_backward
from cnnrun.gradcheck.points.cases import Case

DENSE = Case(of.Dense.Config(3), (6,))
RELU = Case(of.ReLU.Config(), (6, 5, 2))


@mutant("the input of the first batch kept", DENSE, "conditions", tensor="w")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    first = ctx.saved.setdefault("first", ctx.saved["x_noted"].copy())
    dx = right_backward(layer, dy, ctx)
    ctx.gradients["w"] = np.resize(first, ctx.saved["x_noted"].shape).T @ dy
    return dx


@mutant("weights transposed once and kept", DENSE, "conditions")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    right_backward(layer, dy, ctx)
    kept = vars(layer).setdefault("transposed", layer.params["w"].T.copy())
    return np.asarray(dy @ kept)


@mutant("1% off in float32 alone", DENSE, "conditions")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    return dx * np.float32(1.01) if dx.dtype == np.float32 else dx


@mutant("no filter gradient where nobody needs dx", DENSE, "conditions", tensor="w")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, dy, ctx) if ctx.needs_input_gradient else NO_GRADIENT


@mutant("filter gradient of the first shard alone", DENSE, "conditions", tensor="w")
def _(layer: of.Dense, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    if ctx.run.shard:
        ctx.gradients["w"] = np.zeros_like(ctx.gradients["w"])
    return dx


@mutant("no error for a batch of one", RELU, "conditions")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    return dx if len(dx) > 1 else np.zeros_like(dx)


@mutant("no error for samples behind the eighth", RELU, "conditions")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    dx = right_backward(layer, dy, ctx)
    dx[8:] = 0
    return dx


@mutant("dy read in the order in which it lies in memory", RELU, "conditions")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    flat = dy.ravel(order="K") if dy.flags.forc else dy.ravel()
    return right_backward(layer, flat.reshape(dy.shape), ctx)


@mutant("x read in the order in which it lies in memory", RELU, "conditions")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    x = ctx.saved["x_noted"]
    flat = x.ravel(order="K") if x.flags.forc else x.ravel()
    return np.asarray(dy * (flat.reshape(dy.shape) > 0))


@mutant("dropout forgets its mask on the second shard", Case(of.Dropout.Config(0.4)), "conditions")
def _(layer: of.Dropout, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, dy, ctx) if ctx.run.shard == 0 else np.array(dy)


@mutant("no error where ReLU's input is above 6", RELU, "elements")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, np.where(ctx.saved["x_noted"] > 6, 0, dy), ctx)


@mutant("the slope of a leaky ReLU forgotten below -3", Case(of.LeakyReLU.Config(0.1)), "elements")
def _(layer: of.LeakyReLU, dy: Array, ctx: Context) -> Array:
    return np.where(ctx.saved["x_noted"] < -3, 0, right_backward(layer, dy, ctx))


@mutant("sigmoid's derivative cut off below -4", Case(of.Sigmoid.Config(), (7,)), "elements")
def _(layer: of.Sigmoid, dy: Array, ctx: Context) -> Array:
    return np.where(ctx.saved["x_noted"] < -4, 0, right_backward(layer, dy, ctx))


@mutant("softplus taken as linear above 2", Case(of.Softplus.Config(), (7,)), "elements")
def _(layer: of.Softplus, dy: Array, ctx: Context) -> Array:
    return np.where(ctx.saved["x_noted"] > 2, dy, right_backward(layer, dy, ctx))


@mutant("GELU taken as linear above 3", Case(of.GELU.Config(), (7,)), "elements")
def _(layer: of.GELU, dy: Array, ctx: Context) -> Array:
    return np.where(ctx.saved["x_noted"] > 3, dy, right_backward(layer, dy, ctx))

"""Mistakes in activations and dropout, and in how a layer treats what it is handed."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine import layers as of
from cnnrun.engine.types import Array
from cnnrun.gradcheck.mutants.catalogue import mutant, right_backward
from cnnrun.gradcheck.points.cases import Case

RELU = Case(of.ReLU.Config(), (6, 5, 2))


@mutant("guided ReLU: masked by a positive error too", RELU, "exact")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    return np.where(dy > 0, right_backward(layer, dy, ctx), 0.0)


@mutant("ReLU passes the error where the unit was off", RELU, "elements")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    return np.where(ctx.saved["y_noted"] > 0, 0.0, dy)


@mutant("the derivative of ReLU at 0 taken as 1", RELU, "conventions")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    return np.where(ctx.saved["x_noted"] >= 0, dy, 0.0)


@mutant("sigmoid's derivative taken of its output", Case(of.Sigmoid.Config(), (7,)), "elements")
def _(layer: of.Sigmoid, dy: Array, ctx: Context) -> Array:
    y = ctx.saved["y_noted"]
    again = 1 / (1 + np.exp(-y))
    return np.asarray(dy * again * (1 - again))


@mutant("tanh's derivative without its square", Case(of.Tanh.Config(), (7,)), "elements")
def _(layer: of.Tanh, dy: Array, ctx: Context) -> Array:
    return np.asarray(dy * (1 - ctx.saved["y_noted"]))


@mutant("softmax without the coupling of its outputs", Case(of.Softmax.Config(), (5,)), "elements")
def _(layer: of.Softmax, dy: Array, ctx: Context) -> Array:
    y = ctx.saved["y_noted"]
    return np.asarray(dy * y * (1 - y))


@mutant("dropout's mask not scaled in backward", Case(of.Dropout.Config(0.4)), "exact")
def _(layer: of.Dropout, dy: Array, ctx: Context) -> Array:
    scale = ctx.saved["scale"]
    return dy if scale is None else dy * (scale > 0)


@mutant("dropout draws another mask in backward", Case(of.Dropout.Config(0.4)), "contract")
def _(layer: of.Dropout, dy: Array, ctx: Context) -> Array:
    return dy * (np.random.default_rng().random(dy.shape) > layer.config.rate)


@mutant("backward writes into dy", RELU, "contract", tensor=None)
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    dy *= ctx.saved["y_noted"] > 0
    return dy.copy()


@mutant("dx in float32", RELU, "contract")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, dy, ctx).astype(np.float32)


@mutant("dx summed over the batch", RELU, "contract")
def _(layer: of.ReLU, dy: Array, ctx: Context) -> Array:
    return np.asarray(right_backward(layer, dy, ctx).sum(axis=0, keepdims=True))

"""Mistakes in pooling: where the error goes, and what it is divided by."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine import layers as of
from cnnrun.engine.types import Array
from cnnrun.gradcheck.mutants.catalogue import mutant, right_backward
from cnnrun.gradcheck.points.cases import Case

MAX = Case(of.MaxPool2D.Config(2), (6, 6, 2))
OVERLAPPING_MAX = Case(of.MaxPool2D.Config(3, stride=2), (7, 7, 2))
PADDED_MAX = Case(of.MaxPool2D.Config(3, stride=2, padding=1), (7, 6, 2))
AVERAGE = Case(of.AvgPool2D.Config(2), (6, 4, 2))
EDGE_AVERAGE = Case(of.AvgPool2D.Config(3, stride=2, padding=1, count_padding=False), (7, 6, 2))


@mutant("max pooling sends the error to the first cell", MAX, "elements")
def _(layer: of.MaxPool2D, dy: Array, ctx: Context) -> Array:
    winner = ctx.saved["winner"]
    kept = winner.copy()
    winner[...] = 0
    dx = right_backward(layer, dy, ctx)
    winner[...] = kept
    return dx


@mutant("max pooling gives the error to all tied winners", MAX, "conventions")
def _(layer: of.MaxPool2D, dy: Array, ctx: Context) -> Array:
    y = ctx.saved["y_noted"]
    (height, width) = layer.window.kernel
    spread = [a.repeat(height, axis=1).repeat(width, axis=2) for a in (y, dy)]
    return np.where(ctx.saved["x_noted"] == spread[0], spread[1], 0.0)


@mutant("max pooling gives the error to the last tied winner", MAX, "conventions")
def _(layer: of.MaxPool2D, dy: Array, ctx: Context) -> Array:
    turned = Context(ctx.run)
    layer.forward(np.ascontiguousarray(ctx.saved["x_noted"][:, ::-1, ::-1]), turned)
    return np.array(
        right_backward(layer, np.ascontiguousarray(dy[:, ::-1, ::-1]), turned)[:, ::-1, ::-1]
    )


@mutant("overlapping maxima assigned instead of accumulated", OVERLAPPING_MAX, "exact")
def _(layer: of.MaxPool2D, dy: Array, ctx: Context) -> Array:
    dx: Array = np.zeros_like(ctx.saved["x_noted"])
    for i, j in np.ndindex(*dy.shape[1:3]):
        one = np.zeros_like(dy)
        one[:, i, j] = dy[:, i, j]
        share = right_backward(layer, one, ctx)
        dx = np.where(share != 0, share, dx)
    return dx


def _with_zeros(layer: of.MaxPool2D, x: Array, ctx: Context) -> Array:
    """Pool an image padded with zeros, which may win."""
    y = np.array(type(layer).forward(layer, x, ctx))
    ones = np.ones((1, *layer.input_shape))
    sums = of.AvgPool2D(of.AvgPool2D.Config(3, stride=2, padding=1), layer.input_shape)
    full = np.isclose(sums.forward(ones, Context()), 1)  # windows without padding
    lost = ctx.saved["lost"] = ~full & (y < 0)
    return np.where(lost, 0.0, y)


@mutant("padding of zeros may win the maximum", PADDED_MAX, "exact", forward=_with_zeros)
def _(layer: of.MaxPool2D, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, np.where(ctx.saved["lost"], 0.0, dy), ctx)


@mutant("average pooling without its 1/(N*N)", AVERAGE, "exact")
def _(layer: of.AvgPool2D, dy: Array, ctx: Context) -> Array:
    return 4 * right_backward(layer, dy, ctx)


@mutant("an edge window divided by the full N*N", EDGE_AVERAGE, "exact")
def _(layer: of.AvgPool2D, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, dy * (layer.counts / 9), ctx)


@mutant("global average pooling without its 1/(H*W)", Case(of.GlobalAvgPool2D.Config()), "exact")
def _(layer: of.GlobalAvgPool2D, dy: Array, ctx: Context) -> Array:
    return layer.pixels * right_backward(layer, dy, ctx)

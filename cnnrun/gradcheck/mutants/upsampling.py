"""Mistakes in upsampling: what the copies and shares of a pixel bring back is added up wrongly."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context
from cnnrun.engine import layers as of
from cnnrun.engine.types import Array
from cnnrun.gradcheck.mutants.catalogue import mutant, right_backward
from cnnrun.gradcheck.points.cases import Case

NEAREST = Case(of.Upsample2D.Config((2, 3)), (4, 3, 2))
BILINEAR = Case(of.Upsample2D.Config(2, "bilinear"), (4, 3, 2))


@mutant("upsampling: the mean, not the sum, of a pixel's copies", NEAREST, "exact")
def _(layer: of.Upsample2D, dy: Array, ctx: Context) -> Array:
    return right_backward(layer, dy, ctx) / 6


@mutant("upsampling: the error of each pixel's first copy alone", NEAREST, "exact")
def _(layer: of.Upsample2D, dy: Array, ctx: Context) -> Array:
    return np.array(dy[:, ::2, ::3])


@mutant("bilinear upsampling: the error given to the nearest pixel", BILINEAR, "exact")
def _(layer: of.Upsample2D, dy: Array, ctx: Context) -> Array:
    samples, (height, width, channels) = len(dy), layer.input_shape
    return np.array(dy.reshape(samples, height, 2, width, 2, channels).sum(axis=(2, 4)))

"""The gradient check that everybody writes first: central differences, all errors equal to one."""

from __future__ import annotations

import numpy as np

from cnnrun.engine import Context, Pass

__all__ = ["passes_plain_check"]


def passes_plain_check(layer, x, step=1e-6, tolerance=1e-4):
    """Return whether a layer's gradients pass, with an upstream gradient of ones."""
    context = Context(Pass(training=True, seed=1))
    y = layer.forward(x, context)
    dx = layer.backward(np.ones_like(y), context)
    gradients = {
        "x": np.array(dx),
        **{k: g.copy() for k, g in context.collect("gradients").items()},
    }
    arrays = {"x": x, **layer.named_parameters()}
    for name, array in arrays.items():
        for index in np.ndindex(*array.shape):
            kept = array[index]
            sums = []
            for moved in (kept + step, kept - step):
                array[index] = moved
                sums.append(layer.forward(x, Context(Pass(training=True, seed=1))).sum())
            array[index] = kept
            numeric = (sums[0] - sums[1]) / (2 * step)
            if not np.isclose(gradients[name][index], numeric, rtol=tolerance, atol=tolerance):
                return False
    return True

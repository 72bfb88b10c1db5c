"""Sums over very many values lose no more digits than a few roundings: no long line of float32."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Build, Context, Pass
from cnnrun.engine.layers import (
    BatchNorm,
    Conv2D,
    Conv2DTranspose,
    Dense,
    DepthwiseConv2D,
    GlobalAvgPool2D,
    LayerNorm,
)

LARGE = (128, 128, 4)
CASES = [
    (GlobalAvgPool2D.Config(), LARGE, 4),
    (Conv2D.Config(3, 1), LARGE, 4),
    (DepthwiseConv2D.Config(1), LARGE, 4),
    (Conv2DTranspose.Config(3, 1), LARGE, 4),
    (BatchNorm.Config(), LARGE, 4),
    (LayerNorm.Config(), LARGE, 4),
    (LayerNorm.Config("all"), (4, 4, 2), 4096),
    (Dense.Config(5), (3,), 65536),
]


@pytest.mark.parametrize(("config", "shape", "samples"), CASES, ids=lambda v: type(v).__qualname__)
def test_sums_over_very_many_values_stay_exact_to_a_few_roundings(config, shape, samples):
    """Positive values, so that nothing cancels: each sum is off by less than 5e-7 of itself."""
    layer = config.layer(config, shape, Build(np.dtype(np.float32)))
    rng = np.random.default_rng(0)
    x = (rng.random((samples, *shape)) + 0.5).astype(np.float32)
    dy = (rng.random((samples, *layer.output_shape)) + 0.5).astype(np.float32)
    ctx = Context(Pass(training=True))
    y = layer.forward(x, ctx)
    layer.backward(dy, ctx)
    sums = {"b": dy, "beta": dy, "gamma": dy * ctx.saved.get("h", 1)}
    for name, terms in sums.items():
        if name in ctx.gradients:
            shape = ctx.gradients[name].shape
            exact = terms.astype(np.float64).reshape(-1, *shape).sum(axis=0)
            scale = np.abs(terms.astype(np.float64)).reshape(-1, *shape).sum(axis=0)
            assert (np.abs(ctx.gradients[name] - exact) / scale).max() < 5e-7, name
    if isinstance(layer, GlobalAvgPool2D):
        exact = x.astype(np.float64).mean(axis=(1, 2))
        assert (np.abs(y - exact) / exact).max() < 2e-7

"""Dense, activations and normalisation against PyTorch: golden values, and live where installed."""

from __future__ import annotations

from pathlib import Path

import layer_cases
import numpy as np
import pytest

from cnnrun.engine import LAYERS, Build, Context, Pass
from cnnrun.engine.layers import (
    ELU,
    GELU,
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Upsample2D,
)

GOLDEN = Path(__file__).parents[1] / "golden" / "other_layers.npz"
IMAGE = (4, 3, 2)
CASES = {
    "dense": (Dense.Config(3), (5,)),
    "flatten": (Flatten.Config(), IMAGE),
    "relu": (ReLU.Config(), IMAGE),
    "leaky_relu": (LeakyReLU.Config(0.2), IMAGE),
    "elu": (ELU.Config(1.5), IMAGE),
    "gelu": (GELU.Config(), IMAGE),
    "gelu_tanh": (GELU.Config("tanh"), IMAGE),
    "silu": (SiLU.Config(), IMAGE),
    "sigmoid": (Sigmoid.Config(), IMAGE),
    "tanh": (Tanh.Config(), IMAGE),
    "softplus": (Softplus.Config(2.0), IMAGE),
    "softmax": (Softmax.Config(), IMAGE),
    "batch_norm": (BatchNorm.Config(epsilon=1e-3), IMAGE),
    "layer_norm": (LayerNorm.Config(), IMAGE),
    "layer_norm_all": (LayerNorm.Config("all"), IMAGE),
    "upsample2d": (Upsample2D.Config((2, 3)), IMAGE),
    "upsample2d_bilinear": (Upsample2D.Config((3, 2), "bilinear"), IMAGE),
    "concat": (Concat.Config((Conv2D.Config(3, 3, padding=1), Tanh.Config())), IMAGE),
    "residual": (Residual.Config((Conv2D.Config(2, 3, padding=1), Tanh.Config())), IMAGE),
}
each_case = pytest.mark.parametrize("name", CASES)


def build(name):
    """Return a layer, an input with large and small values, and an upstream gradient."""
    config, shape = CASES[name]
    layer = config.layer(config, shape, Build(np.dtype("float64"), seed=1))
    rng = np.random.default_rng(len(name))
    for array in layer.named_parameters().values():
        array += 0.1 * rng.standard_normal(array.shape)
    x = 2 * rng.standard_normal((6, *shape))
    return layer, x, rng.standard_normal((6, *layer.output_shape))


def run_here(name):
    layer, x, dy = build(name)
    ctx = Context(Pass(training=True))
    found = {"y": layer.forward(x, ctx), "dx": layer.backward(dy, ctx)}
    return {**found, **{f"d{key}": value for key, value in ctx.collect("gradients").items()}}


def run_in_torch(name):
    import torch
    from torch.nn import functional as f

    layer, x, dy = build(name)
    x = torch.tensor(x, requires_grad=True)
    p = {k: torch.tensor(v, requires_grad=True) for k, v in layer.named_parameters().items()}

    def norm(*shape):
        return f.layer_norm(x, shape, p["gamma"], p["beta"])

    def branch():
        w, b = p["branch/00_conv2d/w"].permute(3, 2, 0, 1), p["branch/00_conv2d/b"]
        return torch.tanh(f.conv2d(x.permute(0, 3, 1, 2), w, b, padding=1)).permute(0, 2, 3, 1)

    def upsample(**options):
        return f.interpolate(x.permute(0, 3, 1, 2), **options).permute(0, 2, 3, 1)

    y = {
        "dense": lambda: x @ p["w"] + p["b"],
        "flatten": lambda: x.flatten(1),
        "relu": lambda: f.relu(x),
        "leaky_relu": lambda: f.leaky_relu(x, 0.2),
        "elu": lambda: f.elu(x, 1.5),
        "gelu": lambda: f.gelu(x),
        "gelu_tanh": lambda: f.gelu(x, approximate="tanh"),
        "silu": lambda: f.silu(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "tanh": lambda: torch.tanh(x),
        "softplus": lambda: f.softplus(x, beta=2.0, threshold=1e9),
        "softmax": lambda: f.softmax(x, dim=-1),
        "batch_norm": lambda: f.batch_norm(
            x.permute(0, 3, 1, 2), None, None, p["gamma"], p["beta"], training=True, eps=1e-3
        ).permute(0, 2, 3, 1),
        "layer_norm": lambda: norm(2),
        "layer_norm_all": lambda: norm(*IMAGE),
        "upsample2d": lambda: upsample(scale_factor=(2, 3)),
        "upsample2d_bilinear": lambda: upsample(scale_factor=(3, 2), mode="bilinear"),
        "residual": lambda: x + branch(),
        "concat": lambda: torch.cat((branch(), x), dim=-1),
    }[name]()
    y.backward(torch.tensor(dy))
    found = {"y": y.detach(), "dx": x.grad, **{f"d{k}": v.grad for k, v in p.items()}}
    return {key: value.numpy() for key, value in found.items()}


@each_case
def test_equals_the_golden_values(name):
    golden = np.load(GOLDEN)
    for key, value in run_here(name).items():
        np.testing.assert_allclose(value, golden[f"{name}:{key}"], rtol=1e-10, atol=1e-12)


@each_case
def test_equals_pytorch(name):
    pytest.importorskip("torch")
    theirs = run_in_torch(name)
    ours = run_here(name)
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        np.testing.assert_allclose(value, theirs[key], rtol=1e-10, atol=1e-12)


def test_the_outputs_of_every_layer_have_a_reference():
    with_loops = {
        "conv2d", "depthwise_conv2d", "conv2d_transpose", "max_pool2d", "avg_pool2d",
        "global_avg_pool2d", "dropout",
    }  # fmt: skip
    here = {config.layer.type_name for config, _ in CASES.values()}
    with_formula = {case.config.layer.type_name for case in layer_cases.CASES if case.formula}
    without = set(LAYERS) - with_loops - here - with_formula
    assert not without, f"give the row in tests/layer_cases.py a formula: {sorted(without)}"

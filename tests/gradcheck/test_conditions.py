"""What only training makes: each of these layers is right when it runs once, alone, in float64."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.engine.layer import NO_GRADIENT
from cnnrun.engine.layers import BatchNorm, Conv2D, Dense, Dropout, MaxPool2D, ReLU, Residual

DENSE = Dense.Config(3)


class StaleInput(Dense):
    """Keeps the first input that a context sees."""

    def forward(self, x, ctx):
        ctx.saved.setdefault("first", x.copy())
        return super().forward(x, ctx)

    def backward(self, dy, ctx):
        dx = super().backward(dy, ctx)
        first = ctx.saved["first"]
        ctx.gradients["w"] = np.resize(first, (len(dy), *first.shape[1:])).T @ dy
        return dx


class StaleWeights(Dense):
    """Transposes the weights once, and keeps them on the layer."""

    def backward(self, dy, ctx):
        if not hasattr(self, "transposed"):
            self.transposed = self.params["w"].T.copy()
        super().backward(dy, ctx)
        return dy @ self.transposed


class WrongInFloat32(Dense):
    def backward(self, dy, ctx):
        dx = super().backward(dy, ctx)
        return dx * np.float32(1.01) if dx.dtype == np.float32 else dx


class NoParametersWithoutDx(Dense):
    def backward(self, dy, ctx):
        if not ctx.needs_input_gradient:
            return NO_GRADIENT
        return super().backward(dy, ctx)


class WrongOnShards(Dense):
    def backward(self, dy, ctx):
        dx = super().backward(dy, ctx)
        return 2 * dx if ctx.run.shard > 0 else dx


class WrongForOne(Dense):
    def backward(self, dy, ctx):
        dx = super().backward(dy, ctx)
        return np.zeros_like(dx) if len(dy) == 1 else dx


class WrongForMany(Dense):
    def backward(self, dy, ctx):
        dx = super().backward(dy, ctx)
        dx[5:] = 0
        return dx


class ReadsMemory(ReLU):
    """Reads dy in the order in which it lies in memory."""

    def backward(self, dy, ctx):
        flat = dy.ravel(order="K") if dy.flags.forc else dy.ravel()
        return super().backward(flat.reshape(dy.shape), ctx)


class ReadsTheBase(ReLU):
    """Takes the array that dy is a part of."""

    def backward(self, dy, ctx):
        if dy.base is not None and dy.base.ndim == dy.ndim:
            dy = dy.base[tuple(slice(length) for length in dy.shape)]
        return super().backward(dy, ctx)


class ForgetsTheMask(Dropout):
    def backward(self, dy, ctx):
        return super().backward(dy, ctx) if ctx.run.shard == 0 else np.array(dy)


WRONG = [
    (StaleInput(DENSE, (4,)), "w", "after another batch"),
    (StaleWeights(DENSE, (4,)), "x", "after another batch"),
    (WrongInFloat32(DENSE, (4,)), "x", "in float32"),
    (NoParametersWithoutDx(DENSE, (4,)), "w", "where nobody needs dx"),
    (WrongOnShards(DENSE, (4,)), "x", "on shard 1"),
    (WrongForOne(DENSE, (4,)), "x", "for a batch of one sample"),
    (WrongForMany(DENSE, (4,)), "x", "for a batch of 9 samples"),
    (ReadsMemory(ReLU.Config(), (4, 3, 2)), "x", "where dy is not contiguous"),
    (ReadsTheBase(ReLU.Config(), (4, 3, 2)), "x", "where dy is not contiguous"),
    (ForgetsTheMask(Dropout.Config(0.4), (8,)), "x", "on shard 1"),
]


@pytest.mark.parametrize(
    ("layer", "tensor", "message"), WRONG, ids=[type(layer).__name__ for layer, _, _ in WRONG]
)
@pytest.mark.parametrize("seed", range(3))
def test_it_is_found(layer, tensor, message, seed):
    report = cnnrun.gradcheck(layer.astype(np.float32), seed=seed)
    assert report.verdict == "fail"
    assert report.guilty.tensor == tensor
    assert message in report.diagnosis
    assert "conditions" in {finding.stage for finding in report.findings}


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(Conv2D.Config(2, 3, padding=1), (5, 6, 2)),
        MaxPool2D(MaxPool2D.Config(2), (4, 6, 2)),
        BatchNorm(BatchNorm.Config(), (3,)),
        Dropout(Dropout.Config(0.4), (3,)),
        Residual(Residual.Config((Dense.Config(5), BatchNorm.Config())), (5,)),
    ],
    ids=lambda layer: layer.type_name,
)
def test_right_layers_have_none(layer):
    report = cnnrun.gradcheck(layer)
    assert report.passed, report.summary()

"""Losses against hand-worked numbers, central differences and PyTorch."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnnrun.engine.losses import (
    LOSSES,
    BinaryCrossEntropy,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from cnnrun.errors import ShapeError

RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.standard_normal((6, 4))
LABELS = RNG.integers(0, 4, 6)
MANY = (RNG.random((6, 4)) < 0.5).astype(float)
CASES = [
    (SoftmaxCrossEntropy(), LABELS),
    (SoftmaxCrossEntropy(0.1), LABELS),
    (SoftmaxCrossEntropy(), MANY / MANY.sum(axis=1, keepdims=True).clip(1)),
    (BinaryCrossEntropy(), MANY),
    (BinaryCrossEntropy(), LABELS),
    (MeanSquaredError(), MANY),
    (MeanSquaredError(), LABELS),
    (MeanSquaredError("mean"), MANY),
]
each_case = pytest.mark.parametrize(("loss", "targets"), CASES)


def test_every_loss_has_a_case():
    assert {loss.type_name for loss, _ in CASES} == set(LOSSES)


@each_case
def test_gradient_equals_central_differences(loss, targets):
    _, dy = loss(LOGITS, targets, 6)
    for index in np.ndindex(LOGITS.shape):
        shift = np.zeros_like(LOGITS)
        shift[index] = 1e-5
        difference = (
            loss(LOGITS + shift, targets, 6)[0] - loss(LOGITS - shift, targets, 6)[0]
        ) / 2e-5
        assert dy[index] == pytest.approx(difference, rel=1e-7, abs=1e-10)


@each_case
def test_shards_add_up_to_the_batch(loss, targets):
    whole, dy = loss(LOGITS, targets, 6)
    parts = [loss(LOGITS[a:b], targets[a:b], 6) for a, b in ((0, 2), (2, 5), (5, 6))]
    assert sum(part[0] for part in parts) == pytest.approx(whole, rel=1e-14)
    np.testing.assert_allclose(np.concatenate([part[1] for part in parts]), dy, rtol=1e-13)


@each_case
def test_float32_stays_float32_and_dy_is_written_in_place(loss, targets):
    outputs, dy = LOGITS.astype(np.float32), np.empty((6, 4), np.float32)
    value, given = loss(outputs, targets, 6, dy)
    assert given is dy
    assert type(value) is float
    np.testing.assert_allclose(dy, loss(LOGITS, targets, 6)[1], rtol=1e-4, atol=1e-6)
    assert loss.predictions(outputs).dtype == np.float32


@each_case
def test_extreme_outputs_stay_finite(loss, targets):
    value, dy = loss(np.where(LOGITS > 0, 1e4, -1e4), targets, 6)
    assert math.isfinite(value)
    assert np.isfinite(dy).all()


def test_hand_worked_softmax():
    logits = np.log([[1.0, 2.0, 5.0]])
    value, dy = SoftmaxCrossEntropy()(logits, np.array([1]), 1)
    assert value == pytest.approx(math.log(4))  # the label's probability is 2/8
    np.testing.assert_allclose(dy, [[1 / 8, 2 / 8 - 1, 5 / 8]], rtol=1e-15)


def test_mse_is_the_lectures_step_two():
    value, dy = MeanSquaredError()(np.array([[0.25, 0.5]]), np.array([[1.0, 0.0]]), 1)
    assert value == 0.5 * (0.75**2 + 0.5**2)
    np.testing.assert_array_equal(dy, [[-(1.0 - 0.25), 0.5]])


@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), BinaryCrossEntropy(), MeanSquaredError()])
@pytest.mark.parametrize("shape", [(5,), (2, 2, 10)])
def test_outputs_that_do_not_fit_are_refused(loss, shape):
    with pytest.raises(ShapeError, match="units: classes"):
        loss.check(shape, 10)
    loss.check((10,), 10)


@each_case
def test_against_pytorch(loss, targets):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    outputs = torch.tensor(LOGITS, requires_grad=True)
    rows = torch.tensor(np.eye(4)[targets] if targets.ndim == 1 else targets)
    if isinstance(loss, SoftmaxCrossEntropy):
        given = torch.tensor(targets) if targets.ndim == 1 else rows
        value = functional.cross_entropy(outputs, given, label_smoothing=loss.label_smoothing)
    elif isinstance(loss, BinaryCrossEntropy):
        value = functional.binary_cross_entropy_with_logits(outputs, rows)
    elif loss.reduction == "mean":
        value = functional.mse_loss(outputs, rows)
    else:
        value = functional.mse_loss(outputs, rows, reduction="sum") / 12
    value.backward()
    ours, dy = loss(LOGITS, targets, 6)
    assert ours == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(dy, outputs.grad.numpy(), rtol=1e-10, atol=1e-15)

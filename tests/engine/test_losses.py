"""Losses against hand-worked numbers, central differences and PyTorch."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from cnnrun.engine.losses import (
    LOSSES,
    BinaryCrossEntropy,
    Classes,
    Focal,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from cnnrun.errors import DataError, OptionError, ShapeError

RNG = np.random.default_rng(0)
LOGITS = 3 * RNG.standard_normal((6, 4))
LABELS = RNG.integers(0, 4, 6)
MANY = (RNG.random((6, 4)) < 0.5).astype(float)
WEIGHTS = (0.5, 2.0, 1.0, 4.0)
CASES = [
    (SoftmaxCrossEntropy(), LABELS),
    (SoftmaxCrossEntropy(0.1), LABELS),
    (SoftmaxCrossEntropy(), MANY / MANY.sum(axis=1, keepdims=True).clip(1)),
    (BinaryCrossEntropy(), MANY),
    (BinaryCrossEntropy(), LABELS),
    (SoftmaxCrossEntropy(class_weight=WEIGHTS), LABELS),
    (SoftmaxCrossEntropy(0.1, WEIGHTS), MANY / MANY.sum(axis=1, keepdims=True).clip(1)),
    (BinaryCrossEntropy(2.5), MANY),
    (BinaryCrossEntropy(WEIGHTS), MANY),
    (BinaryCrossEntropy(WEIGHTS), LABELS),
    (Focal(), LABELS),
    (Focal(0.5), LABELS),
    (Focal(0.0), LABELS),
    (Focal(3.0, WEIGHTS), LABELS),
    (Focal(1.5), MANY / MANY.sum(axis=1, keepdims=True).clip(1)),
    (MeanSquaredError(), MANY),
    (MeanSquaredError(), LABELS),
    (MeanSquaredError("mean"), MANY),
    (MeanAbsoluteError(), MANY),
    (MeanAbsoluteError(), LABELS),
    (MeanAbsoluteError("sum"), LOGITS[::-1] + 0.5),
    (Huber(), MANY),
    (Huber(0.3), LABELS),
    (Huber(2.5, "sum"), LOGITS[::-1] + 0.5),
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


@pytest.mark.parametrize(
    ("outputs", "value", "slopes"),
    [
        ([[0.25, 0.5]], 0.625, [[-0.5, 0.5]]),  # errors of -0.75 and 0.5
        ([[1.0, -2.0]], 1.0, [[0.0, -0.5]]),  # the first is its target
    ],
)
def test_hand_worked_absolute_error(outputs, value, slopes):
    targets = np.array([[1.0, 0.0]])
    mean, dy = MeanAbsoluteError()(np.array(outputs), targets, 1)
    total, summed = MeanAbsoluteError("sum")(np.array(outputs), targets, 1)
    assert (mean, total) == (value, 2 * value)
    np.testing.assert_array_equal(dy, slopes)
    np.testing.assert_array_equal(summed, 2 * np.array(slopes))


def test_hand_worked_huber():
    outputs, targets = np.array([[0.25, 1.5, -3.0, 0.5]]), np.zeros((1, 4))
    total, dy = Huber(0.5, "sum")(outputs, targets, 1)
    # 0.25^2 / 2, 0.5 (1.5 - 0.25), 0.5 (3 - 0.25), and at the bend itself 0.5^2 / 2
    assert total == 0.03125 + 0.625 + 1.375 + 0.125
    np.testing.assert_array_equal(dy, [[0.25, 0.5, -0.5, 0.5]])
    mean, averaged = Huber(0.5)(outputs, targets, 1)
    assert mean == total / 4
    np.testing.assert_array_equal(averaged, dy / 4)


def test_huber_lies_between_the_squared_and_the_absolute_error():
    squared, dy = MeanSquaredError()(LOGITS, MANY, 6)
    wide, wide_dy = Huber(100.0, "sum")(LOGITS, MANY, 6)
    assert wide == pytest.approx(squared, rel=1e-14)
    np.testing.assert_array_equal(wide_dy, dy)
    absolute, signs = MeanAbsoluteError()(LOGITS, MANY, 6)
    narrow, narrow_dy = Huber(1e-9)(LOGITS, MANY, 6)
    assert narrow == pytest.approx(1e-9 * absolute, rel=1e-8)
    np.testing.assert_allclose(narrow_dy, 1e-9 * signs)


@pytest.mark.parametrize("loss", [MeanAbsoluteError(), Huber(0.5)])
def test_branches_change_where_the_slope_does(loss):
    def sides(error):
        return [choice.tolist() for choice in loss.branches(np.array([[error]]), np.zeros((1, 1)))]

    bends = (0.0,) if isinstance(loss, MeanAbsoluteError) else (-0.5, 0.5)
    for bend in bends:
        assert sides(bend - 1e-9) != sides(bend + 1e-9)
    assert sides(0.6) == sides(5.0)
    assert sides(0.1) == sides(0.4)


@pytest.mark.parametrize(
    "loss",
    [
        SoftmaxCrossEntropy(),
        Focal(),
        BinaryCrossEntropy(),
        MeanSquaredError(),
        MeanAbsoluteError(),
        Huber(),
    ],
)
@pytest.mark.parametrize("shape", [(5,), (2, 2, 10)])
def test_outputs_that_do_not_fit_are_refused(loss, shape):
    with pytest.raises(ShapeError, match="units: classes"):
        loss.check(shape, 10)
    loss.check((10,), 10)


@pytest.mark.parametrize(
    "loss",
    [
        BinaryCrossEntropy(),
        MeanSquaredError(),
        MeanSquaredError("mean"),
        MeanAbsoluteError(),
        Huber(0.5),
    ],
)
def test_images_count_as_their_pixels_in_a_row(loss):
    outputs, targets = RNG.standard_normal((3, 2, 5, 2)), RNG.random((3, 2, 5, 2))
    value, dy = loss(outputs, targets, 3)
    flat_value, flat_dy = loss(outputs.reshape(3, 20), targets.reshape(3, 20), 3)
    assert loss.takes_arrays
    assert value == pytest.approx(flat_value, rel=1e-14)
    np.testing.assert_array_equal(dy.reshape(3, 20), flat_dy)


@each_case
def test_nothing_given_is_written_to(loss, targets):
    outputs, given = LOGITS.copy(), targets.copy()
    loss(outputs, given, 6)
    loss.predictions(outputs)
    np.testing.assert_array_equal(outputs, LOGITS)
    np.testing.assert_array_equal(given, targets)


@each_case
@pytest.mark.parametrize("labels", [[0, 4], [-1, 3]])
def test_labels_without_an_output_are_refused(loss, targets, labels):
    with pytest.raises(DataError, match=r"labels from -?\d to \d do not fit 4 outputs.* 0 to 3"):
        loss(LOGITS[:2], np.array(labels), 2)


@each_case
@pytest.mark.parametrize("shape", [(5,), (6, 3), (6, 1), (6, 4, 1)])
def test_targets_of_another_shape_are_refused(loss, targets, shape):
    with pytest.raises(ShapeError, match=r"targets of shape .* outputs of shape \(6, 4\)"):
        loss(LOGITS, np.zeros(shape, int), 6)


@pytest.mark.parametrize("value", [-0.1, 1.5])
def test_binary_targets_are_shares(value):
    with pytest.raises(DataError, match=r"in \[0, 1\], got values from"):
        BinaryCrossEntropy()(LOGITS, np.full_like(LOGITS, value), 6)


def test_booleans_are_binary_targets():
    value, dy = BinaryCrossEntropy()(LOGITS, MANY.astype(bool), 6)
    expected, expected_dy = BinaryCrossEntropy()(LOGITS, MANY, 6)
    assert value == expected
    np.testing.assert_array_equal(dy, expected_dy)


def test_hand_worked_binary_cross_entropy():
    logits = np.log([[1.0, 3.0]])  # probabilities 1/2 and 3/4
    value, dy = BinaryCrossEntropy()(logits, np.array([[1.0, 0.0]]), 1)
    assert value == pytest.approx((math.log(2) + math.log(4)) / 2)
    np.testing.assert_allclose(dy, [[-1 / 4, 3 / 8]], rtol=1e-15)
    np.testing.assert_allclose(BinaryCrossEntropy().predictions(logits), [[1 / 2, 3 / 4]])


def test_hand_worked_weights():
    logits = np.log([[1.0, 2.0, 5.0]])  # the label's probability is 2/8, and its weight 3
    value, dy = SoftmaxCrossEntropy(class_weight=(1.0, 3.0, 1.0))(logits, np.array([1]), 1)
    assert value == pytest.approx(3 * math.log(4))
    np.testing.assert_allclose(dy, [[3 / 8, 6 / 8 - 3, 15 / 8]], rtol=1e-14)
    logits = np.log([[1.0, 3.0]])  # probabilities 1/2 and 3/4
    value, dy = BinaryCrossEntropy((5.0, 7.0))(logits, np.array([[1.0, 0.0]]), 1)
    assert value == pytest.approx((5 * math.log(2) + math.log(4)) / 2)
    np.testing.assert_allclose(dy, [[-5 / 4, 3 / 8]], rtol=1e-14)


def test_hand_worked_focal():
    value, dy = Focal(2.0)(np.log([[1.0, 3.0]]), np.array([0]), 1)  # p = 1/4
    assert value == pytest.approx((3 / 4) ** 2 * math.log(4))
    g = 2 / 4 * 3 / 4 * math.log(1 / 4) - (3 / 4) ** 2
    np.testing.assert_allclose(dy, [[3 / 4 * g, -3 / 4 * g]], rtol=1e-14)


def test_focal_without_its_factor_is_the_cross_entropy():
    for weights in (None, WEIGHTS):
        value, dy = SoftmaxCrossEntropy(class_weight=weights)(LOGITS, LABELS, 6)
        focal, focal_dy = Focal(0.0, weights)(LOGITS, LABELS, 6)
        assert focal == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(focal_dy, dy, rtol=1e-10, atol=1e-15)


THREE = Classes(("cat", "dog", "owl"), (60, 30, 0), 90)


def test_balanced_weights_make_classes_weigh_the_same():
    loss = SoftmaxCrossEntropy(class_weight="balanced").for_classes(THREE)
    assert loss.class_weight == (90 / (2 * 60), 90 / (2 * 30), 1.0)
    assert Focal(class_weight="balanced").for_classes(THREE).class_weight == loss.class_weight
    labels = BinaryCrossEntropy("balanced").for_classes(THREE)
    assert labels.pos_weight == (30 / 60, 60 / 30, 1.0)
    assert BinaryCrossEntropy(2.0).for_classes(THREE).pos_weight == 2.0


def test_balanced_weights_wait_for_the_training_split():
    loss = SoftmaxCrossEntropy(class_weight="balanced")
    assert loss.for_classes(Classes(THREE.names)) == loss


def test_weights_by_name_stand_in_the_order_of_the_classes():
    loss = SoftmaxCrossEntropy(class_weight={"owl": 3.0, "cat": 2.0}).for_classes(THREE)
    assert loss.class_weight == (2.0, 1.0, 3.0)
    with pytest.raises(OptionError, match=r"names 'bat', which is no class; these are cat, dog"):
        Focal(class_weight={"bat": 2.0}).for_classes(THREE)
    with pytest.raises(OptionError, match="has 2 weights for 3 classes"):
        BinaryCrossEntropy((1.0, 2.0)).for_classes(THREE)


def test_weights_that_do_not_fit_the_outputs_are_refused():
    with pytest.raises(ShapeError, match="class_weight has 3 weights, but outputs have the shape"):
        SoftmaxCrossEntropy(class_weight=(1.0, 2.0, 3.0))(LOGITS, LABELS, 6)


def test_hand_worked_label_smoothing():
    value, dy = SoftmaxCrossEntropy(0.3)(np.zeros((1, 3)), np.array([2]), 1)
    assert value == pytest.approx(math.log(3))
    np.testing.assert_allclose(dy, [[1 / 3 - 0.1, 1 / 3 - 0.1, 1 / 3 - 0.8]], rtol=1e-13)


def test_float32_sums_keep_their_digits():
    errors = np.full((1, 40_000), 0.1, np.float32)
    value, _ = MeanSquaredError()(errors, np.zeros_like(errors), 1)
    assert value == pytest.approx(20_000 * float(np.float32(0.1)) ** 2, rel=1e-12)
    huge, _ = MeanSquaredError()(np.full((1, 4), 1e25, np.float32), np.zeros((1, 4), np.float32), 1)
    assert huge == pytest.approx(2e50, rel=1e-6)  # beyond float32
    absolute, _ = MeanAbsoluteError("sum")(errors, np.zeros_like(errors), 1)
    assert absolute == pytest.approx(40_000 * float(np.float32(0.1)), rel=1e-12)
    wide, _ = Huber(1e26, "sum")(np.full((1, 4), 1e25, np.float32), np.zeros((1, 4), np.float32), 1)
    assert wide == pytest.approx(2e50, rel=1e-6)


def regression_in_torch(loss):
    """Return PyTorch's function for a loss of numbers."""
    from torch.nn import functional

    if isinstance(loss, Huber):
        return partial(functional.huber_loss, delta=loss.delta)
    return functional.l1_loss if isinstance(loss, MeanAbsoluteError) else functional.mse_loss


@each_case
def test_against_pytorch(loss, targets):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    outputs = torch.tensor(LOGITS, requires_grad=True)
    rows = torch.tensor(np.eye(4)[targets] if targets.ndim == 1 else targets)
    if isinstance(loss, SoftmaxCrossEntropy):
        given = torch.tensor(targets) if targets.ndim == 1 else rows
        weights = None if loss.class_weight is None else torch.tensor(loss.class_weight).double()
        smoothing = {"label_smoothing": loss.label_smoothing, "reduction": "sum"}
        value = functional.cross_entropy(outputs, given, weights, **smoothing) / 6
    elif isinstance(loss, Focal):
        p = torch.softmax(outputs, 1)
        weights = torch.tensor(loss.class_weight or (1.0,) * 4)
        value = -(weights * rows * (1 - p) ** loss.gamma * p.log()).sum() / 6
    elif isinstance(loss, BinaryCrossEntropy):
        weights = None if loss.pos_weight is None else torch.tensor(loss.pos_weight).double()
        value = functional.binary_cross_entropy_with_logits(outputs, rows, pos_weight=weights)
    elif loss.reduction == "mean":
        value = regression_in_torch(loss)(outputs, rows)
    else:
        value = regression_in_torch(loss)(outputs, rows, reduction="sum")
        value = value / (12 if loss.reduction == "half_sum" else 6)
    value.backward()
    ours, dy = loss(LOGITS, targets, 6)
    assert ours == pytest.approx(value.item(), rel=1e-12)
    np.testing.assert_allclose(dy, outputs.grad.numpy(), rtol=1e-10, atol=1e-15)


def test_huber_is_pytorchs_smooth_absolute_error_times_delta():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.functional.smooth_l1_loss(torch.tensor(LOGITS), torch.tensor(MANY), beta=0.3)
    assert Huber(0.3)(LOGITS, MANY, 6)[0] == pytest.approx(0.3 * theirs.item(), rel=1e-12)

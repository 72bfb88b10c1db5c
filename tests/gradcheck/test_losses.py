"""Kinks of losses: told apart, not called wrong, and held to what is agreed on them."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.engine import Loss
from cnnrun.engine.losses import LOSSES, Huber, MeanAbsoluteError, MeanSquaredError
from cnnrun.errors import ShapeError
from cnnrun.gradcheck import check
from cnnrun.gradcheck.points.probes import LossProbe
from cnnrun.gradcheck.stages.elements import compare
from cnnrun.gradcheck.stages.losses import check_loss_conventions
from cnnrun.gradcheck.stages.rounding import loss_terms

TARGETS = np.array([[0.3, 0.6, 0.1]])


def statuses(loss, errors):
    """Return what a check makes of each element where outputs are off by these errors."""
    probe = LossProbe(loss, TARGETS + errors, TARGETS)
    upstream = np.array([1.5])
    indices = list(np.ndindex(TARGETS.shape))
    gradients = [probe.backward(upstream)]
    tensor = compare(probe, "outputs", indices, [upstream], gradients, probe.forward())
    return [element.status for element in tensor.elements]


def test_an_output_at_its_target_is_a_kink_of_the_absolute_error():
    assert statuses(MeanAbsoluteError(), [[0.0, 2e-7, -0.5]]) == ["kink", "right", "right"]


def test_the_bends_of_huber_are_no_kinks():
    assert statuses(Huber(0.25), [[0.25, -0.25 + 1e-7, 0.2]]) == ["right"] * 3


def test_choices_tell_on_which_side_of_a_bend_errors_lie():
    def choices(error):
        return (
            LossProbe(Huber(0.25), TARGETS + np.array([[error, 0, 0]]), TARGETS).forward().branches
        )

    assert choices(0.2) == choices(-0.2)
    assert len({choices(error) for error in (-0.3, 0.2, 0.3)}) == 3


def test_a_kink_does_not_count_as_a_large_term():
    loss, rng = MeanAbsoluteError(), np.random.default_rng(0)
    _, dy = loss(TARGETS, TARGETS, 1)
    assert loss_terms(loss, TARGETS, TARGETS, dy, rng) == 0


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_keeps_the_convention_at_its_target(name):
    assert check_loss_conventions(LossProbe(LOSSES.get(name)(), TARGETS, TARGETS), "loss") == []


class OneSided(Loss):
    """The absolute error with a slope of its own at 0; it takes images of one size alone."""

    def __call__(self, outputs, targets, batch_size, dy=None):
        if targets.shape != outputs.shape or outputs.ndim != 4:
            raise ShapeError("it takes images")
        error = outputs - targets
        value = np.abs(error).sum() / batch_size
        return float(value), np.where(error >= 0, 1.0, -1.0) / batch_size


def test_a_users_loss_is_held_to_it():
    report = check(OneSided())
    assert (report.verdict, report.guilty.tensor) == ("fail", "outputs")
    assert "changes, from -0.2 to 0.2: the gradient is agreed to be 0 there" in report.diagnosis


def test_a_smooth_bottom_is_no_kink():
    assert check_loss_conventions(LossProbe(MeanSquaredError(), TARGETS, TARGETS), "loss") == []

"""Where layers are checked: generic random points, other ones at kinks, in either mode."""

from __future__ import annotations

import numpy as np
import pytest
from test_differences import Function

import cnnrun
from cnnrun.engine import Network
from cnnrun.engine.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
from cnnrun.gradcheck import Check, budget, plan, plan_network
from cnnrun.gradcheck.budget import Budget
from cnnrun.gradcheck.points.cases import cases_of
from cnnrun.gradcheck.points.point import Point, distinct


@pytest.mark.parametrize("shape", [(1,), (2,), (4, 5, 5), (3, 7, 7, 3)])
def test_a_random_input_has_no_tie_and_no_zero(shape):
    values = np.sort(distinct(shape, np.random.default_rng(0)).reshape(-1))
    spacing = 2 * np.sqrt(3) / values.size
    assert np.abs(values).min() > 0.29 * spacing
    assert np.diff(values).min(initial=spacing) > 0.59 * spacing


def checked(point):
    """Return the only row of the report on one point."""
    check = Check("a function", [point], seed=0)
    list(check.run())
    (row,) = check.report().rows
    return row


class Absolute(Function):
    """|x|, with its derivative."""

    def __init__(self, x):
        super().__init__(np.abs, x)

    def backward(self, upstream):
        return {"x": upstream * np.sign(self.values["x"])}


def test_what_lies_on_a_kink_is_checked_at_another_point():
    here, elsewhere = [0.0, 0.5, 0.0], [0.7, -0.4, 0.3]
    redrawn = checked(Point(Absolute(here), "abs", "", ("x",), redraw=lambda: Absolute(elsewhere)))
    assert (redrawn.count("right"), redrawn.count("kink")) == (3, 0)
    given = checked(Point(Absolute(here), "abs", "", ("x",)))
    assert (given.count("right"), given.count("kink")) == (1, 2)


def test_other_points_are_drawn_twice_at_most():
    draws = []

    def redraw():
        draws.append(Absolute([0.0, 0.5]))
        return draws[-1]

    assert checked(Point(Absolute([0.0, 0.5]), "abs", "", ("x",), redraw=redraw)).count("kink") == 1
    assert len(draws) == 2


def test_a_layer_that_acts_otherwise_outside_training_is_checked_there_too():
    class WrongInEvaluation(BatchNorm):
        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            return dx if ctx.run.training else 2 * dx

    report = cnnrun.gradcheck(WrongInEvaluation(BatchNorm.Config(), (3,)))
    assert report.guilty.tensor == "x"
    assert report.rows[0].worst[0] == "random point, evaluating"


def test_a_network_is_checked_at_a_random_point_besides_its_data():
    """Where all images are black, no gradient of the first filters is other than zero."""
    network = Network(
        [Conv2D.Config(2, 3), ReLU.Config(), Flatten.Config(), Dense.Config(3)], (5, 5, 1)
    )
    report = cnnrun.gradcheck(network, np.zeros((2, 5, 5, 1)), budget=3000)
    assert report.passed, report.summary()
    assert report.notes == []
    rows = {(row.layer, row.tensor): row for row in report.rows}
    row = rows["network", "00_conv2d/w"]
    assert [label for label, tensor in row.points if tensor.has_signal] == ["network, random point"]


def test_as_many_elements_as_the_time_allows(monkeypatch):
    monkeypatch.setattr(budget, "_seconds_per_element", lambda point: 0.01)
    points = plan(Dense(Dense.Config(30), (40,))).points
    fitting = Budget(points, seconds=5.0)
    assert fitting.cost.seconds <= 5.0
    assert fitting._cost(fitting.elements_per_tensor + 1).seconds > 5.0
    whole = Budget(points)
    assert whole.elements_per_tensor == 1200
    assert whole.cost.seconds > 10.0
    network = Network([Dense.Config(30)], (40,))
    assert plan_network(network, seconds=2.0).is_sampled
    assert not plan_network(network, seconds=100.0).is_sampled


def test_by_default_the_same_elements_on_a_slow_machine(monkeypatch):
    network = Network([Dense.Config(300)], (400,))
    chosen = []
    for speed in (1e-6, 10.0):
        monkeypatch.setattr(budget, "_seconds_per_element", lambda point, speed=speed: speed)
        check = plan_network(network)
        assert check.is_sampled
        chosen.append((check.cost.forward_passes, check._elements_per_tensor))
    assert chosen[0] == chosen[1]


@pytest.mark.parametrize(
    ("layer", "passes"), [("layer_norm", None), ("conv2d", None), ("conv2d", 1)]
)
def test_the_announced_cost_is_what_is_spent(layer, passes):
    check = plan(layer, budget=passes)
    list(check.run())
    spent = check.report().spent.forward_passes
    assert spent == pytest.approx(check.cost.forward_passes, rel=0.2)


class Bent(ReLU):
    """min(max(x, 0), 6), whose backward forgets the upper bend."""

    def forward(self, x, ctx):
        return np.minimum(super().forward(x, ctx), 6)


def test_a_bend_that_only_large_values_reach():
    report = cnnrun.gradcheck(Bent(Bent.Config(), (6, 5, 2)))
    assert report.guilty.tensor == "x"
    assert "large values" in report.rows[0].worst[0]


class Strided(Conv2D):
    """No layer of the table: a user's own, with the options of a convolution."""


def test_without_options_a_layer_is_checked_at_others_than_its_defaults():
    cases = cases_of(Strided)
    assert {(6, 5, 2), (5, 6, 2)} <= {case.input_shape for case in cases}
    changed = {str(case) for case in cases}
    for words in ("stride=2", "stride=(1, 2)", "dilation=", "padding=", "use_bias=False"):
        assert any(words in text for text in changed), changed

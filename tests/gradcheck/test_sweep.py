"""Every registered layer and loss has right gradients, and the check is sure of it."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.engine import LAYERS, LOSSES
from cnnrun.engine.layers import BatchNorm, Conv2D, MaxPool2D, Tanh
from cnnrun.errors import ConfigError, UnresolvedError
from cnnrun.gradcheck import plan


@pytest.mark.parametrize("seed", [0, 7])
def test_all_is_right_and_resolved(seed):
    report = cnnrun.gradcheck(seed=seed)
    assert report.verdict == "pass", report.summary()
    assert {row.layer for row in report.rows} == {*LAYERS, *LOSSES}
    for row in report.rows:
        figures = row.to_dict()
        assert figures["verdict"] == "pass"
        assert figures["wrong"] == 0
        assert figures["median_relative_error"] < 1e-9, row
        # Of a softmax at large values little is left: 1e-9 of what is differenced, and less.
        assert figures["p99_relative_error"] < (1e-5 if row.layer == "softmax" else 1e-6), row
    assert report.spent.forward_passes > 20_000


def test_a_layer_made_of_others_is_blamed_last(monkeypatch):
    def wrong(self, dy, ctx):
        return dy * (1 - ctx.saved["y"])

    monkeypatch.setattr(Tanh, "backward", wrong)
    check = plan(names=["residual", "sigmoid", "tanh"])
    list(check.run())
    report = check.report()
    assert {row.layer for row in report.rows if row.verdict == "fail"} >= {"residual", "tanh"}
    assert (report.guilty.layer, report.guilty.tensor) == ("tanh", "x")


def test_the_same_seed_gives_the_same_figures():
    first, again, other = (
        cnnrun.gradcheck("dense", seed=seed).to_dict()["tensors"] for seed in (3, 3, 4)
    )
    assert first == again
    assert first != other


def test_a_layer_as_it_is(monkeypatch):
    layer = Conv2D(Conv2D.Config(2, 3), (6, 6, 1))  # float32, as in training
    before = layer.params["w"].copy()
    assert cnnrun.gradcheck(layer).passed
    np.testing.assert_array_equal(layer.params["w"], before)
    assert layer.dtype == np.float32

    def wrong(self, dy, ctx):
        return 2 * Conv2D.backward(self, dy, ctx)

    monkeypatch.setattr(layer, "backward", wrong.__get__(layer))
    report = cnnrun.gradcheck(layer)
    assert (report.verdict, report.guilty.tensor) == ("fail", "x")
    assert report.diagnosis == "constant ratio 2: a factor 2 too many"


def test_a_layer_at_the_users_own_input():
    x = np.zeros((2, 4, 4, 1))  # ties everywhere
    report = cnnrun.gradcheck(MaxPool2D(MaxPool2D.Config(2), (4, 4, 1)), x)
    (row,) = report.rows
    assert row.count("kink") == 32
    assert report.passed  # the random point resolves it
    assert cnnrun.gradcheck(MaxPool2D, input_shape=(4, 4, 1)).passed
    assert cnnrun.gradcheck(Conv2D.Config(2, 3, stride=2), input_shape=(9, 8, 2)).passed


def test_what_cannot_be_checked_is_refused():
    with pytest.raises(ConfigError, match="not a int"):
        cnnrun.gradcheck(3)
    with pytest.raises(ConfigError, match="did you mean conv2d"):
        cnnrun.gradcheck("conv2")
    with pytest.raises(ConfigError, match="fits none of the inputs tried"):
        cnnrun.gradcheck("conv2d", input_shape=(7,))


def test_a_gradient_that_is_zero_everywhere_proves_nothing():
    layer = BatchNorm(BatchNorm.Config(), (1,))
    layer.params["gamma"][:] = 0

    class Constant(BatchNorm):
        def forward(self, x, ctx):
            return np.zeros_like(super().forward(x, ctx))

        def backward(self, dy, ctx):
            super().backward(np.zeros_like(dy), ctx)
            return np.zeros_like(dy)

    report = cnnrun.gradcheck(Constant(BatchNorm.Config(), (3,)))
    assert report.verdict == "unresolved"
    with pytest.raises(UnresolvedError, match=r"no element of .*gamma.* could be resolved"):
        report.raise_if_failed()


def test_a_budget_is_kept_by_sampling():
    whole, small = plan("conv2d", seed=1), plan("conv2d", seed=1, budget=3000)
    assert whole.cost.forward_passes > 2 * small.cost.forward_passes
    assert small.cost.forward_passes <= 3000
    assert small.is_sampled
    for check in (whole, small):
        list(check.run())
        assert check.report().passed
    spent = small.report().spent.forward_passes
    assert spent == pytest.approx(small.cost.forward_passes, rel=0.5)


@pytest.mark.parametrize("seed", range(6))
def test_a_small_sample_of_a_gradient_of_mostly_zeros(seed):
    layer = MaxPool2D(MaxPool2D.Config(4), (16, 16, 4))  # one cell of sixteen takes an error
    check = plan(layer, budget=40, seed=seed)
    list(check.run())
    assert check.report().passed


def test_one_wrong_element_is_found_though_only_few_are_compared():
    class Hidden(Conv2D):
        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            ctx.gradients["w"][2, 1, 5, 7] *= 1.01
            return dx

    layer = Hidden(Conv2D.Config(16, 3), (6, 6, 16))
    layer.type_name = "hidden"
    check = plan(layer, budget=200)
    list(check.run())
    report = check.report()
    assert (report.guilty.layer, report.guilty.tensor) == ("hidden", "w")
    assert "tap row 2, tap column 1, input channel 5, filter 7" in report.diagnosis
    row = next(row for row in report.rows if row.tensor == "w")
    assert row.to_dict()["checked"] < 0.1 * row.to_dict()["elements"]


@pytest.mark.parametrize(
    ("name", "variants"),
    [("mse", 2), ("mae", 2), ("huber", 2), ("softmax_cross_entropy", 2),
     ("binary_cross_entropy", 3), ("focal", 3)],
)  # fmt: skip
def test_one_loss_is_checked_with_the_options_that_change_its_formula(name, variants):
    alone = [point.label for point in plan(name).points]
    assert alone == [point.label for point in plan(names=[name]).points]
    assert len({repr(point.probe.loss) for point in plan(name).points}) == variants

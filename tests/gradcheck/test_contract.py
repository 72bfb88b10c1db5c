"""Layers that break the protocol are answered with what they did, never with a traceback."""

from __future__ import annotations

import re

import numpy as np
import pytest

import cnnrun
from cnnrun.engine import Layer
from cnnrun.engine.layers import BatchNorm, Dense
from cnnrun.engine.losses import MeanSquaredError


def layer_with(**methods):
    """Return a class of layers, y = 2x, with some methods replaced."""

    def forward(self, x, ctx):
        return 2 * x

    def backward(self, dy, ctx):
        return 2 * dy

    return type("Mine", (Layer,), {"forward": forward, "backward": backward, **methods})


def writes(self, x, ctx):
    x *= 2
    return x


def lazy(self, dy, ctx):
    return None


def single(self, x, ctx):
    return (2 * x).astype(np.float32)


def fails(self, *_):
    return [][3]


def undecided(self, x, ctx):
    return x * np.random.default_rng().random()


def not_finite(self, dy, ctx):
    return dy * np.inf


def promoting(self, x, ctx):
    return x * np.float64(2)


def stateful(self, dy, ctx):
    self.calls = getattr(self, "calls", 1) + 1
    return dy * self.calls


BROKEN = [
    ({"forward": fails}, "forward crashes: IndexError at test_contract.py"),
    ({"backward": fails}, "backward crashes: IndexError at test_contract.py"),
    ({"build": fails}, "building it crashes: IndexError at test_contract.py"),
    ({"forward": writes}, "forward writes into its input x"),
    ({"forward": single}, "y is float32 where all is float64"),
    ({"forward": lambda self, x, ctx: x[:, :-1]}, r"y has shape \(4, 5, 5, 2\), expected"),
    ({"forward": lambda self, x, ctx: 3.0}, "y is a float, not an array"),
    ({"forward": undecided}, "two forward passes at the same point differ"),
    ({"forward": promoting}, "in a float32 network y is float64"),
    ({"backward": lazy}, "dx is missing"),
    ({"backward": lambda self, dy, ctx: dy[:1]}, r"dx has shape \(1, 6, 5, 2\)"),
    ({"backward": lambda self, dy, ctx: dy.astype("f4")}, "dx is float32 where all is float64"),
    ({"backward": writes}, "backward writes into dy"),
    ({"backward": not_finite}, "dx is not finite"),
    ({"backward": stateful}, "a second backward gives another dx"),
]


def test_the_layer_itself_is_right():
    assert cnnrun.gradcheck(layer_with()).passed


@pytest.mark.parametrize(("methods", "message"), BROKEN, ids=[text for _, text in BROKEN])
def test_what_it_did_is_said(methods, message):
    report = cnnrun.gradcheck(layer_with(**methods))
    assert report.verdict == "fail"
    assert report.guilty.layer == "Mine"
    found = " | ".join(finding.message for finding in report.findings)
    assert re.search(message, found), found
    assert all(finding.stage == "contract" for finding in report.findings)
    assert report.to_dict()["tensors"]


def test_parameters_without_a_gradient():
    class Forgetful(Dense):
        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            ctx.gradients["weights"] = ctx.gradients.pop("w")
            return dx

    report = cnnrun.gradcheck(Forgetful(Dense.Config(3), (4,)))
    messages = {finding.tensor: finding.message for finding in report.findings}
    assert "gives no gradient for w" in messages["w"]
    assert "which is no parameter" in messages["weights"]


def test_a_parameter_gradient_that_is_float64_in_a_float32_network():
    class Promoting(Dense):
        def backward(self, dy, ctx):
            dx = super().backward(dy, ctx)
            ctx.gradients["w"] = ctx.gradients["w"] * np.float64(1)
            return dx

    report = cnnrun.gradcheck(Promoting(Dense.Config(3), (4,)))
    assert report.verdict == "fail"
    assert report.diagnosis == "in a float32 network dw is float64"


def test_a_layer_that_writes_into_its_own_buffers():
    """Running statistics change between steps, by the trainer: a layer runs on several shards."""

    class Counting(BatchNorm):
        def forward(self, x, ctx):
            self.buffers["running_mean"] += 1
            return super().forward(x, ctx)

    report = cnnrun.gradcheck(Counting(BatchNorm.Config(), (3,)))
    assert report.verdict == "fail"
    assert "forward writes into running_mean" in [finding.message for finding in report.findings]


def test_a_forward_that_needs_positive_inputs():
    def root(self, x, ctx):
        ctx.saved["y"] = np.sqrt(x)
        return ctx.saved["y"]

    layer = layer_with(forward=root, backward=lambda self, dy, ctx: dy / (2 * ctx.saved["y"]))
    assert cnnrun.gradcheck(layer).passed


def test_losses():
    class DoubledLoss(MeanSquaredError):  # noqa: N818
        def __call__(self, outputs, targets, batch_size, dy=None):
            value, gradient = super().__call__(outputs, targets, batch_size, dy)
            return value, 2 * gradient

    class UnscaledLoss(MeanSquaredError):  # noqa: N818
        def __call__(self, outputs, targets, batch_size, dy=None):
            return super().__call__(outputs, targets, 1, dy)

    class CrashingLoss(MeanSquaredError):  # noqa: N818
        def __call__(self, *arguments):
            raise KeyError("targets")

    doubled = cnnrun.gradcheck(DoubledLoss())
    assert doubled.guilty.tensor == "outputs"
    assert "constant ratio 2" in doubled.diagnosis
    assert "not a sum over batch_size" in cnnrun.gradcheck(UnscaledLoss()).diagnosis
    assert "crashes: KeyError" in cnnrun.gradcheck(CrashingLoss()).diagnosis


def noisy(value, gradient):
    return value + np.random.default_rng().random(), gradient


def flat(value, gradient):
    return value, gradient.reshape(-1)


@pytest.mark.parametrize(
    ("slip", "message"),
    [(noisy, "two calls at the same point differ"), (flat, r"its gradient has shape \(20,\)")],
)
def test_losses_that_break_the_protocol(slip, message):
    class SlippingLoss(MeanSquaredError):  # noqa: N818
        def __call__(self, outputs, targets, batch_size, dy=None):
            return slip(*super().__call__(outputs, targets, batch_size, dy))

    report = cnnrun.gradcheck(SlippingLoss())
    assert report.verdict == "fail"
    messages = [finding.message for finding in report.findings]
    assert any(re.search(message, text) for text in messages), messages


def test_a_loss_that_writes_into_the_outputs():
    class WritingLoss(MeanSquaredError):  # noqa: N818
        def __call__(self, outputs, targets, batch_size, dy=None):
            result = super().__call__(outputs, targets, batch_size, dy)
            outputs += 1
            return result

    report = cnnrun.gradcheck(WritingLoss())
    assert "it writes into the outputs" in [finding.message for finding in report.findings]

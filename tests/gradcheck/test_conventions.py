"""Where there is no derivative, backward does what is agreed on."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.engine.layers import LeakyReLU, ReLU


def at_zero_as_above(base):
    """Return a layer whose derivative at 0 is taken to be 1."""

    class ZeroIsPositive(base):
        def forward(self, x, ctx):
            ctx.saved["is_zero"] = x == 0
            return super().forward(x, ctx)

        def backward(self, dy, ctx):
            return np.where(ctx.saved["is_zero"], dy, super().backward(dy, ctx))

    return ZeroIsPositive(base.Config(), (4, 3, 2))


@pytest.mark.parametrize(
    ("base", "rule"),
    [
        (ReLU, "the derivative of ReLU at 0 is 0"),
        (LeakyReLU, "the derivative of a leaky ReLU at 0 is its negative slope"),
    ],
)
def test_the_derivative_at_zero(base, rule):
    report = cnnrun.gradcheck(at_zero_as_above(base))
    assert report.verdict == "fail"
    (finding,) = report.findings
    assert finding.stage == "conventions"
    assert finding.message.startswith(rule)

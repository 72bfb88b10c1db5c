"""Laws that need no small step: linearity in the upstream gradient, and the adjoint identity."""

from __future__ import annotations

import numpy as np
import pytest
from test_differences import Function

from cnnrun.engine import Build
from cnnrun.engine.layers import ReLU
from cnnrun.gradcheck.points.probes import LayerProbe
from cnnrun.gradcheck.stages.coverage import cover
from cnnrun.gradcheck.stages.exact import check_linearity


class Guided(ReLU):
    """Lets only positive errors pass, as guided backpropagation does."""

    def backward(self, dy, ctx):
        return np.maximum(super().backward(dy, ctx), 0)


@pytest.mark.parametrize(("kind", "broken"), [(ReLU, []), (Guided, ["B(-a) = -B(a)"])])
def test_an_error_of_the_other_sign_gives_a_gradient_of_the_other_sign(kind, broken):
    rng = np.random.default_rng(0)
    layer = kind(ReLU.Config(), (5,), Build(np.dtype(np.float64)))
    probe = LayerProbe(layer, rng.standard_normal((3, 5)))
    upstreams = [rng.standard_normal((3, 5)) for _ in range(2)]
    gradients = [probe.backward(upstream) for upstream in upstreams]
    findings = check_linearity(probe, upstreams, gradients)
    assert [law for law in broken if law in findings[0].message] == broken
    assert len(findings) == len(broken)


@pytest.mark.parametrize(
    ("off", "index"), [(0, None), (1e-9, None), (1e-7, (12, 3)), (-1e-7, (12, 3))]
)
def test_one_element_among_many_that_is_off_by_little(off, index):
    """Of the whole gradient's norm; that element is then off by about 1e-6 of its size."""
    factors = np.random.default_rng(1).uniform(1, 2, (20, 10))
    probe = Function(lambda x: factors * x, np.ones((20, 10)))
    claimed = factors.copy()
    claimed[12, 3] += off * np.linalg.norm(factors)
    base = probe.forward()
    rng = np.random.default_rng(2)
    coverage = cover(probe, "x", np.ones_like(base.y), {"x": claimed}, base, rng)
    assert coverage.affine
    assert coverage.index == index

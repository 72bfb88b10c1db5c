"""One element's verdict: right, wrong, on a kink, or too uncertain to say."""

from __future__ import annotations

import numpy as np
import pytest
from test_differences import Function

from cnnrun.gradcheck.stages.elements import compare


def compared(function, x, claims):
    """Return a function's only tensor, compared with what is claimed of its derivative."""
    probe = Function(function, x)
    base = probe.forward()
    indices = list(np.ndindex(len(x)))
    claimed = {"x": np.array(claims, float)}
    return compare(probe, "x", indices, [np.ones_like(base.y)], [claimed], base)


@pytest.mark.parametrize(
    ("off", "status"),
    [(0, "right"), (3e-7, "right"), (3e-6, "wrong"), (-3e-6, "wrong"), (np.nan, "wrong")],
)
def test_a_derivative_that_is_off_by_more_than_a_millionth_is_wrong(off, status):
    x = np.array([0.4, -1.2, 2.0])
    tensor = compared(np.sin, x, np.cos(x) * (1 + off))
    assert [element.status for element in tensor.elements] == [status] * 3
    if status == "wrong":
        assert tensor.worst.relative_error == pytest.approx(
            abs(off) if off == off else np.inf, 0.01
        )


@pytest.mark.parametrize(("offset", "status"), [(1e4, "right"), (1e6, "unresolved")])
def test_a_derivative_lost_in_the_rounding_of_the_output_is_unresolved(offset, status):
    """The rounding of an output of 1e6 leaves less than four digits of a derivative of 1."""
    tensor = compared(lambda x: offset + x, [0.3], [1.0])
    assert [element.status for element in tensor.elements] == [status]
    assert tensor.has_signal == (status == "right")


def test_a_derivative_of_zero_is_right_but_proves_nothing():
    tensor = compared(lambda x: 0 * x, [0.3, 0.5], [0.0, 0.0])
    assert [element.status for element in tensor.elements] == ["right", "right"]
    assert not tensor.has_signal


def test_at_a_kink_nothing_is_wrong():
    tensor = compared(np.abs, [0.0], [17.0])
    assert [element.status for element in tensor.elements] == ["kink"]
    assert tensor.worst is None
    assert np.isnan(tensor.numeric).all()

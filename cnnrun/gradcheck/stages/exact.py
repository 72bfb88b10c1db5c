"""Laws that a right backward obeys to rounding, so that no step size can hide a mistake."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrun.engine.layers import MaxPool2D
from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import LayerProbe, Outcome
from cnnrun.gradcheck.report.findings import Finding

__all__ = ["check_conservation", "check_linearity"]

TOLERANCE = 1e-10


def check_linearity(
    probe: LayerProbe, upstreams: Sequence[Array], gradients: Sequence[dict[str, Array]]
) -> list[Finding]:
    """Backward is linear in the upstream gradient: B(-2a + 3b) = -2 B(a) + 3 B(b), and B(0) = 0.

    A negative factor is what shows a backward that masks by the sign of the error.
    """
    (a, b), (of_a, of_b) = upstreams[:2], gradients[:2]
    mixed, zero = probe.backward(-2 * a + 3 * b), probe.backward(np.zeros_like(a))
    opposite = probe.backward(-a)
    largest = max(float(np.max(np.abs(value), initial=1)) for value in probe.values.values())
    rounding = 1e-14 * largest * float(np.sum(np.abs(a)))  # where large terms cancel to nothing
    findings = []
    for name in of_a:
        laws = [
            ("B(0) = 0", zero[name], np.zeros_like(of_a[name])),
            ("B(-a) = -B(a)", opposite[name], -of_a[name]),
            ("B(-2a + 3b) = -2 B(a) + 3 B(b)", mixed[name], -2 * of_a[name] + 3 * of_b[name]),
        ]
        for law, left, right in laws:
            scale = max(float(np.max(np.abs(array), initial=0)) for array in (of_a[name], left))
            difference = np.abs(left - right)
            if float(np.max(difference, initial=0)) > TOLERANCE * scale + rounding:
                index = tuple(map(int, np.unravel_index(difference.argmax(), difference.shape)))
                message = (
                    f"d{name} is not linear in the upstream gradient: {law} fails, "
                    f"{left[index] + 0.0:.6g} is not {right[index] + 0.0:.6g}"
                )
                findings.append(Finding(probe.name, name, "exact", message, index))
                break
    return findings


def check_conservation(
    probe: LayerProbe, base: Outcome, upstreams: Sequence[Array], gradients: Sequence[Array]
) -> list[Finding]:
    """The sum of the error is conserved where f(x + c) = f(x) + c, as in pooling.

    The derivative along (1, 1, ...) is then the sum of the upstream gradient, at ties too. Max
    pooling must obey; of other layers the forward pass shows whether the law applies.

    Args:
        probe: the layer at its point.
        base: the outcome there.
        upstreams: upstream gradients.
        gradients: dx for each of them.
    """
    if not isinstance(probe.layer, MaxPool2D) and not _moves_along(probe, base):
        return []
    for upstream, dx in zip(upstreams, gradients, strict=True):
        sent, came = float(np.sum(upstream)), float(np.sum(dx))
        allowed = TOLERANCE * float(np.sum(np.abs(upstream)))
        if not abs(sent - came) <= allowed:
            message = f"the error is not conserved: dy adds up to {sent:.6g}, dx to {came:.6g}"
            return [Finding(probe.name, "x", "exact", message)]
    return []


def _moves_along(probe: LayerProbe, base: Outcome) -> bool:
    """Return whether adding a number to every input adds it to every output."""
    x = probe.values["x"]
    kept = x.copy()
    try:
        for shift in (0.75, -1.25):
            x += shift
            moved = probe.forward().y
            x[...] = kept
            scale = 1 + float(np.max(np.abs(base.y), initial=0))
            if not np.allclose(moved, base.y + shift, rtol=0, atol=1e-12 * scale):
                return False
    finally:
        x[...] = kept
    return True

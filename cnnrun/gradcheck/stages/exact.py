"""Laws that a right backward obeys to rounding, so that no step size can hide a mistake."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from cnnrun.engine.layers import MaxPool2D
from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import Outcome, Probe
from cnnrun.gradcheck.report.findings import Finding, written_apart
from cnnrun.gradcheck.stages.elements import largest

__all__ = ["check_conservation", "check_linearity"]

DOWN = -10.0
"""How far down all of x is moved, in units of its largest value, to be negative throughout."""


def check_linearity(
    probe: Probe, upstreams: Sequence[Array], gradients: Sequence[dict[str, Array]]
) -> list[Finding]:
    """Backward is linear in the upstream gradient: B(-2a + 3b) = -2 B(a) + 3 B(b), and B(0) = 0.

    A negative factor is what shows a backward that masks by the sign of the error.
    """
    (a, b), (of_a, of_b) = upstreams[:2], gradients[:2]
    mixed, zero = probe.backward(-2 * a + 3 * b), probe.backward(np.zeros_like(a))
    opposite = probe.backward(-a)
    values = max(1.0, largest(probe.values.values()))
    precision = probe.precision
    rounding = (
        50 * precision.claimed * values * float(np.sum(np.abs(a)))
    )  # where large terms cancel to nothing
    vanishing = precision.vanishing * largest(
        of_a.values()
    )  # a bias before batch norm has no gradient
    findings = []
    for name in of_a:
        laws = [
            ("B(0) = 0", zero[name], np.zeros_like(of_a[name])),
            ("B(-a) = -B(a)", opposite[name], -of_a[name]),
            ("B(-2a + 3b) = -2 B(a) + 3 B(b)", mixed[name], -2 * of_a[name] + 3 * of_b[name]),
        ]
        for law, left, right in laws:
            difference = np.abs(left - right)
            allowed = precision.law * largest([of_a[name], left]) + vanishing + rounding
            if not float(np.max(difference, initial=0)) <= allowed:
                index = tuple(map(int, np.unravel_index(difference.argmax(), difference.shape)))
                was, should = written_apart(float(left[index]), float(right[index]))
                message = (
                    f"d{name} is not linear in the upstream gradient: {law} fails, "
                    f"{was} is not {should}"
                )
                findings.append(Finding(probe.name, name, "exact", message, index))
                break
    return findings


def check_conservation(
    probe: Probe, base: Outcome, upstreams: Sequence[Array], gradients: Sequence[Array]
) -> list[Finding]:
    """The sum of the error is conserved where f(x + c) = f(x) + c, as in pooling.

    The derivative along (1, 1, ...) is then the sum of the upstream gradient, at ties too. Max
    pooling must obey; of other layers the forward pass shows whether the law applies. It must hold
    at x and at x - 10, where all values are negative: there padding of zeros would win a maximum.

    Args:
        probe: the layer or function at its point.
        base: the outcome there.
        upstreams: upstream gradients.
        gradients: dx for each of them.
    """
    must = isinstance(getattr(probe, "layer", None), MaxPool2D)
    if not must and not _moves_along(probe, base, (0.75, -1.25)):
        return []
    below = []
    if must or _moves_along(probe, base, (DOWN,)):
        x = probe.values[probe.main]
        kept = x.copy()
        x += DOWN * max(1.0, largest([x]))
        try:
            below = [probe.backward(upstream)[probe.main] for upstream in upstreams]
        finally:
            x[...] = kept
    pairs = zip([*upstreams, *upstreams], [*gradients, *below], strict=False)
    for number, (upstream, dx) in enumerate(pairs):
        sent, came = float(np.sum(upstream)), float(np.sum(dx))
        allowed = probe.precision.law * float(np.sum(np.abs(upstream)))
        if not abs(sent - came) <= allowed:
            where = ", where all of x is negative" if number >= len(upstreams) else ""
            of_dy, of_dx = written_apart(float(sent), float(came))
            message = f"the error is not conserved: dy adds up to {of_dy}, d{probe.main} to {of_dx}"
            return [Finding(probe.name, probe.main, "exact", message + where)]
    return []


def _moves_along(probe: Probe, base: Outcome, shifts: Iterable[float]) -> bool:
    """Return whether adding a number to every input adds it to every output.

    `shifts` are such numbers, in units of the largest input: a small one would be lost in the
    rounding of large inputs, and a layer whose outputs hardly change would seem to move along.
    """
    x = probe.values[probe.main]
    kept = x.copy()
    size = max(1.0, largest([x]))
    try:
        for shift in shifts:
            x += shift * size
            change = probe.forward().y - base.y
            x[...] = kept
            if not np.allclose(change, shift * size, rtol=5e4 * probe.precision.epsilon, atol=0):
                return False
    finally:
        x[...] = kept
    return True

"""Numerical derivatives along a line, with an estimate of their own error, and kinks told apart.

Central differences at a step h and at h/2 give, by Richardson extrapolation, (4 D(h/2) - D(h)) / 3
with an error of order h^4. The difference D(h/2) - D(h) bounds what truncation and rounding did.
Source: Richardson 1911.

A kink between x - h and x + h spoils that. It shows in two ways: the branches taken differ, or the
slope to the right and the slope to the left stay apart when the step is halved, where those of a
smooth function come together. Then the step shrinks; what keeps its kink at every step is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import Outcome, Probe

__all__ = ["Derivative", "Line", "differentiate"]


class Line:
    """A line through a probe's present point: one tensor moves, by t times a direction."""

    def __init__(self, probe: Probe, tensor: str, direction: Array | tuple[int, ...]) -> None:
        """Take a direction shaped like the tensor, or the index of the one element that moves."""
        self.probe = probe
        self.array = probe.values[tensor]
        self.direction = direction
        self.passes = 0
        one = isinstance(direction, tuple)
        value = self.array[direction] if one else np.sqrt(np.mean(np.square(self.array)))
        self.scale = max(1.0, float(abs(value)))

    def at(self, t: float) -> tuple[Outcome, float]:
        """Return the outcome at t, and t as it came to be after rounding; the point is restored."""
        direction, array = self.direction, self.array
        self.passes += 1
        if isinstance(direction, tuple):
            kept = float(array[direction])
            array[direction] = kept + t
            moved = float(array[direction]) - kept
            try:
                return self.probe.forward(), moved
            finally:
                array[direction] = kept
        before = array.copy()
        array += t * direction
        try:
            return self.probe.forward(), t
        finally:
            array[...] = before


@dataclass(frozen=True)
class Derivative:
    """The derivative of <upstream, y> along a line, one number for each upstream gradient.

    Attributes:
        value: by extrapolation.
        error: an estimate of its error, the rounding of outputs included.
        step: that was used in the end.
        has_kink: whether there is no derivative at this point; `value` means nothing then.
    """

    value: Array
    error: Array
    step: float
    has_kink: bool = False


def differentiate(line: Line, base: Outcome, upstreams: Sequence[Array]) -> Derivative:
    """Return the derivative along `line` at its point, where the outcome is `base`.

    Costs four forward passes, and four more for every shorter step that a kink asks for.
    """
    first: Derivative | None = None
    ever_bent = False
    for step in line.probe.precision.steps:
        derivative, same_branches, bent = _at_step(line, base, upstreams, step * line.scale)
        if same_branches and not bent:
            return derivative
        ever_bent = ever_bent or bent
        first = first or derivative
    assert first is not None
    if not ever_bent:  # branches change hands without a change of slope, as between equal maxima
        return first
    return Derivative(first.value, first.error, first.step, has_kink=True)


def _at_step(
    line: Line, base: Outcome, upstreams: Sequence[Array], step: float
) -> tuple[Derivative, bool, bool]:
    """Return the derivative at one step, whether branches stayed, and whether slopes differ."""
    precision = line.probe.precision
    differences, bends = [], []
    same = True
    rounding = np.zeros(len(upstreams))
    typical = float(np.mean(np.abs(base.y)))  # a small output may be the rest of large terms
    for h in (step, step / 2):
        (above, up), (below, down) = line.at(h), line.at(-h)
        same = same and above.branches == base.branches == below.branches
        change = above.y - below.y  # subtracted number by number: what did not move cancels
        right, left = (above.y - base.y) / up, (base.y - below.y) / -down
        moved = change != 0
        for k, upstream in enumerate(upstreams):
            size = float(np.sum(np.abs(upstream[moved]) * (np.abs(base.y[moved]) + typical)))
            size += float(np.max(np.abs(upstream))) * typical  # what did not move may be too slow
            rounding[k] = max(rounding[k], 2 * precision.epsilon * size / step)
        differences.append([float(np.sum(u * change)) / (up - down) for u in upstreams])
        bends.append([float(np.sum(u * (right - left))) for u in upstreams])
    wide, narrow = np.array(differences)
    value = (4 * narrow - wide) / 3
    error = np.abs(narrow - wide) + rounding
    wide_bend, narrow_bend = np.abs(np.array(bends))
    slope = np.maximum(np.abs(wide), np.abs(narrow)) + narrow_bend
    # Slopes of a smooth function differ by h f'', which halves with the step.
    stays = narrow_bend > 0.7 * wide_bend + 20 * rounding
    apart = np.abs(narrow - wide) > precision.curvature * slope + 20 * rounding
    bent = bool(np.any((stays & (narrow_bend > 1e-6 * slope)) | apart))
    return Derivative(value, error, step), same, bent

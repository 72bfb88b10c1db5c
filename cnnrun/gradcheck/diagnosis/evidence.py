"""A wrong gradient beside the right one, and measurements that help to name the mistake."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.stages.elements import DOUBT, Tensor

__all__ = ["NEARER", "SAME", "Evidence"]

MOST_ELEMENTS = 1000
"""Above this the Jacobian is not measured."""

SAME = 1e-5
"""Of the largest value: how near a suspect must come to what backward gives."""

NEARER = 0.1
"""Of the distance from the truth: a suspect that is no nearer explains nothing."""

SMALL = 1e-5
"""A relative error below which the elements that are right must stand out from those that are not.

Mistakes in formulas are much larger; so little is rounding, or a constant with few digits.
"""


class Evidence:
    """A wrong gradient beside the right one; more is measured when a suspect asks for it.

    Attributes:
        tensor: the comparison.
        claimed: what backward gives.
        right: the numerical derivatives; NaN where they are not known.
        upstream: the upstream gradient.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.probe = tensor, tensor.probe
        self.claimed, self.right = tensor.gradient, tensor.numeric
        self.upstream = tensor.upstream
        self.known = np.isfinite(self.right)
        self.scale = float(np.max(np.abs(self.right[self.known]), initial=0))
        self.off = self.distance(self.claimed)

    def distance(self, gradient: Array) -> float:
        """Return how far a gradient is from the truth, as far as that is known."""
        return float(np.max(np.abs(gradient - self.right)[self.known], initial=0))

    def explains(self, suspected: Array) -> bool:
        """Return whether `suspected`, what a mistake would give, is what backward gives.

        It must lie far nearer to that than the truth does: where backward is off by little, what
        equals the truth would explain it too.
        """
        if suspected.shape != self.claimed.shape:
            return False
        scale = max(self.scale, float(np.max(np.abs(self.claimed), initial=0)))
        apart = float(np.max(np.abs(suspected - self.claimed), initial=0))
        return apart <= min(SAME * scale, NEARER * self.off)

    def would_be_right(self, claimed: Array) -> bool:
        """Return whether `claimed` agrees with the truth, far better than backward does."""
        return self.distance(claimed) <= min(SAME * self.scale, NEARER * self.off)

    def is_near_truth(self, gradient: Array) -> bool:
        """Return whether a gradient is the right one, but for what numerical derivatives err."""
        return self.distance(gradient) <= SAME * self.scale

    @cached_property
    def is_small_error(self) -> bool:
        """Whether even the worst element is hardly off."""
        worst = self.tensor.worst
        return worst is not None and worst.relative_error < SMALL

    @cached_property
    def told_apart(self) -> float:
        """The relative error from which on an element counts as wrong where it is judged alone."""
        worst = self.tensor.worst
        assert worst is not None
        return (
            NEARER * worst.relative_error if self.is_small_error else self.probe.precision.tolerance
        )

    @cached_property
    def sure(self) -> Array:
        """Which elements are known well enough to say whether they are wrong by that much."""
        sure = np.zeros(self.claimed.shape, bool)
        for e in self.tensor.resolved:
            size = max(abs(e.analytic), abs(e.numeric))
            allowed, doubt = self.told_apart * size, DOUBT * e.error
            sure[e.index] = (
                size == 0 or doubt <= allowed or abs(e.analytic - e.numeric) > allowed + doubt
            )
        return sure

    @property
    def values(self) -> Array:
        """The tensor itself."""
        return self.probe.values[self.tensor.name]

    @property
    def is_small(self) -> bool:
        """Whether the Jacobian can be measured."""
        return (
            self.claimed.size <= min(MOST_ELEMENTS, self.probe.most_diagnosed)
            and self.upstream.ndim > 1
        )

    @cached_property
    def terms(self) -> Array:
        """What each output adds to each element: upstream times Jacobian, `(elements, *y)`."""
        return self._changes(1e-6, both_sides=True) * self.upstream

    @cached_property
    def reach(self) -> Array:
        """Which outputs each element can act on at all, if it is large enough."""
        reach: Array = self._changes(1e3, both_sides=False) != 0
        return reach

    def _changes(self, step: float, *, both_sides: bool) -> Array:
        self.probe.prepare(lambda: self._rows(step, both_sides=both_sides))
        return np.stack(self._rows(step, both_sides=both_sides))

    def _rows(self, step: float, *, both_sides: bool) -> list[Array]:
        values = self.values.reshape(-1)
        base = self.probe.forward().y
        rows = []
        for index in range(values.size):
            kept = values[index]
            values[index] = kept + step
            above = self.probe.forward().y
            values[index] = kept - step
            below = self.probe.forward().y if both_sides else base
            values[index] = kept
            rows.append((above - below) / (2 * step if both_sides else 1))
        return rows

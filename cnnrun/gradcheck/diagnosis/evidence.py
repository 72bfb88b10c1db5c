"""A wrong gradient beside the right one, and measurements that help to name the mistake."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.stages.elements import Tensor

__all__ = ["SAME", "Evidence"]

MOST_ELEMENTS = 1000
"""Above this the Jacobian is not measured."""

SAME = 1e-5


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

    def explains(self, suspected: Array) -> bool:
        """Return whether `suspected`, what a mistake would give, is what backward gives."""
        if suspected.shape != self.claimed.shape:
            return False
        scale = max(self.scale, float(np.max(np.abs(self.claimed), initial=0)))
        return bool(np.max(np.abs(suspected - self.claimed), initial=0) <= SAME * scale)

    def would_be_right(self, claimed: Array) -> bool:
        """Return whether `claimed` agrees with the numerical derivatives."""
        difference = np.abs(claimed - self.right)[self.known]
        return bool(np.max(difference, initial=0) <= SAME * self.scale)

    @property
    def values(self) -> Array:
        """The tensor itself."""
        return self.probe.values[self.tensor.name]

    @property
    def is_small(self) -> bool:
        """Whether the Jacobian can be measured."""
        return self.claimed.size <= MOST_ELEMENTS and self.upstream.ndim > 1

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
        return np.stack(rows)

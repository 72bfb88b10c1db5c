"""What a check will cost, and how many elements of each tensor fit into a budget or a time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.stages.differences import Line, differentiate

__all__ = ["Budget", "Cost"]

PASSES_PER_ELEMENT = 4
PASSES_PER_TENSOR = 12
"""For the direction along which a whole tensor moves, its gradients, and the exact laws."""

FEWEST_ELEMENTS = 4
"""Compared in every tensor, however small the budget."""


@dataclass(frozen=True)
class Cost:
    """How much work a check is, announced or spent."""

    forward_passes: int
    seconds: float


class Budget:
    """How many elements of each tensor are compared, and what that will cost.

    Attributes:
        elements_per_tensor: the most that fit.
        cost: of the check with so many.
    """

    def __init__(
        self, points: Sequence[Point], passes: int | None = None, seconds: float | None = None
    ) -> None:
        """Plan for these points; at most `passes` forward passes and `seconds`, where given."""
        self._points = list(points)
        self._seconds_per_element = [_seconds_per_element(point) for point in points]
        self.elements_per_tensor = self._most_elements(passes, seconds)
        self.cost = self._cost(self.elements_per_tensor)

    def _most_elements(self, passes: int | None, seconds: float | None) -> int:
        """Return the largest number of elements per tensor that fits, by halving."""
        sizes = [size for point in self._points for size in point.sizes().values()]
        largest = max(sizes, default=1)
        low, high = FEWEST_ELEMENTS, max(FEWEST_ELEMENTS, largest)
        while low < high:
            middle = (low + high + 1) // 2
            cost = self._cost(middle)
            fits = (passes is None or cost.forward_passes <= passes) and (
                seconds is None or cost.seconds <= seconds
            )
            low, high = (middle, high) if fits else (low, middle - 1)
        return low

    def _cost(self, elements: int) -> Cost:
        """Return the cost of comparing at most so many elements of each tensor."""
        passes, seconds = 0, 0.0
        for point, per_element in zip(self._points, self._seconds_per_element, strict=True):
            own = sum(
                PASSES_PER_ELEMENT * min(size, point.at_most(elements)) + PASSES_PER_TENSOR
                for size in point.sizes().values()
            )
            passes += own
            seconds += own * per_element / PASSES_PER_ELEMENT
        return Cost(passes, seconds)


def _seconds_per_element(point: Point) -> float:
    """Return how long one element takes at a point, by trying one, once memory is allocated."""
    if point.probe.seconds_per_pass is not None:
        return PASSES_PER_ELEMENT * point.probe.seconds_per_pass
    try:
        base = point.probe.forward()
        tensor = point.tensors[-1]
        first = (0,) * point.probe.values[tensor].ndim
        times = []
        for _ in range(2):
            start = time.perf_counter()
            differentiate(Line(point.probe, tensor, first), base, [base.y])
            times.append(time.perf_counter() - start)
        return min(times)
    except Exception:  # what crashes is reported when it is run
        return 0.0

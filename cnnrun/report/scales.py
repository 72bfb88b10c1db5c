"""Where a chart puts a value, and at which values its axis has ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Scale", "evenly", "number", "scale_for"]

DECADES = 100
"""What spans more than so many times its smallest value gets a logarithmic axis."""
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; `log` where equal ratios are equally long.

    Attributes:
        low, high: the values at its ends; `low` is below `high`.
        log: whether it is logarithmic; both ends are positive then.
        integer: whether only whole numbers mean something.
    """

    low: float
    high: float
    log: bool = False
    integer: bool = False

    def part(self, value: float) -> float:
        """Return how far along the axis a value stands: 0 at `low`, 1 at `high`."""
        if self.log:
            low, high = math.log10(self.low), math.log10(self.high)
            return (math.log10(max(value, self.low)) - low) / (high - low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values along the axis, about `most` of them."""
        return self._decades(most) if self.log else self._even(most)

    def _even(self, most: int) -> list[float]:
        rough = (self.high - self.low) / most
        size = 10 ** math.floor(math.log10(rough))
        step = size * next(factor for factor in STEPS if factor * size >= rough * (1 - 1e-9))
        if self.integer:
            step = max(1.0, round(step))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]

    def _decades(self, most: int) -> list[float]:
        low, high = math.log10(self.low), math.log10(self.high)
        powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1)
        if len(powers) >= 2:
            return [10.0**power for power in powers[:: -(-len(powers) // most)]]
        values = [
            factor * 10.0**power
            for power in range(math.floor(low), math.ceil(high) + 1)
            for factor in (1, 2, 5)
        ]
        return [value for value in values if self.low <= value <= self.high] or [self.low]


def scale_for(
    values: Iterable[float], *, log: bool | None = None, integer: bool = False, zero: bool = False
) -> Scale:
    """Return an axis on which all values have room.

    Args:
        values: those that are finite count.
        log: whether it is logarithmic; by default where the values span more than two decades.
        integer: the values are whole numbers, such as epochs.
        zero: the axis begins at zero.
    """
    known = [float(value) for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if log is None:
        log = not zero and low > 0 and high > DECADES * low
    if log:
        return Scale(low * 0.8, high * 1.25, log=True)
    if integer:
        room = 0.5 if low == high else 0.02 * (high - low)
        return Scale(low - room, high + room, integer=True)
    if zero:
        return Scale(0.0, high * 1.06 if high > 0 else 1.0)
    room = 0.05 * (high - low) or 0.05 * abs(high) or 0.5
    return Scale(low - room, high + room)


def number(value: float) -> str:
    """Return a value as a tick or a tooltip has it: short, without noise in its last digits."""
    if value == int(value) and abs(value) < 1e5:
        return f"{int(value):,}"
    return f"{value:.4g}"


def evenly(count: int, most: int) -> list[int]:
    """Return so many of the places below `count`, from the first to the last, evenly spread."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]

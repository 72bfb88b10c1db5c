"""What each output adds to one entry of a gradient: its upstream gradient times a slope.

The slopes are measured on the forward pass, which is trusted, so this works for whatever can be
checked. A slope that is the value of one entry of another array, or 1/n, is called by that name.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import Probe

__all__ = ["Contribution", "Index", "error_symbol", "measured", "named"]

Index = tuple[int, ...]

STEP = 1e-4
NOISE = 1e-8
"""Of the largest slope: what is smaller is rounding."""
SAME = 1e-7
"""Of a slope: how near a value must come to be taken for it."""
MOST_NAMED = 500
"""Slopes that are looked for among the other arrays."""
LARGEST_COUNT = 64
"""A slope of 1/n is named for n up to this."""


@dataclass(frozen=True)
class Contribution:
    """What one output adds.

    Attributes:
        output: index of the output, with the sample first.
        symbols: of the upstream gradient and of the slope; the second is empty where it has none.
        numbers: their values.
        source: the array that the slope is an entry of, and which; None where it is none.
    """

    output: Index
    symbols: tuple[str, str]
    numbers: tuple[float, float]
    source: tuple[str, Index] | None = None

    @property
    def value(self) -> float:
        """What is added."""
        return self.numbers[0] * self.numbers[1]


def measured(probe: Probe, name: str, index: Index, upstream: Array) -> list[Contribution]:
    """Return what every output adds that the entry acts on, in the order of the outputs.

    Args:
        probe: what is checked, at its point.
        name: of the tensor.
        index: of the entry.
        upstream: the gradient with respect to the outputs, in their shape.
    """
    slopes = _slopes(probe, name, index)
    if slopes.shape != upstream.shape:
        return []
    size = np.max(np.abs(slopes), initial=0)
    places = np.argwhere(np.abs(slopes) > NOISE * size)
    contributions = []
    for place in places:
        output = tuple(map(int, place))
        slope = float(slopes[output])
        symbol, source = "", None
        if len(places) <= MOST_NAMED:
            symbol, source, slope = named(probe, name, slope)
        numbers = float(upstream[output]), slope
        contributions.append(Contribution(output, (error_symbol(output), symbol), numbers, source))
    return contributions


def error_symbol(output: Index) -> str:
    """Return what the upstream gradient of an output is called; a single number has no place."""
    return f"dL/dy{list(output)}" if output else "dL/dy"


def _slopes(probe: Probe, name: str, index: Index) -> Array:
    """Return the derivative of every output with respect to one entry."""
    values = probe.values[name]
    kept = float(values[index])
    step = STEP * max(1.0, abs(kept))

    def difference(step: float) -> Array:
        outputs = []
        for moved in (kept + step, kept - step):
            values[index] = moved
            outputs.append(probe.forward().y)
        slopes: Array = (outputs[0] - outputs[1]) / (2 * step)
        return slopes

    try:
        return (4 * difference(step / 2) - difference(step)) / 3  # Richardson's extrapolation
    finally:
        values[index] = kept


def named(probe: Probe, name: str, slope: float) -> tuple[str, tuple[str, Index] | None, float]:
    """Return what a slope is called, the entry it comes from, and its value to all digits."""
    for count in range(1, LARGEST_COUNT + 1):
        if abs(abs(slope) - 1 / count) <= SAME / count:
            sign = "-" if slope < 0 else ""
            return f"{sign}{'1' if count == 1 else f'1/{count}'}", None, np.sign(slope) / count
    matches = [
        (other, tuple(map(int, place)))
        for other, array in probe.values.items()
        if other != name and array.dtype.kind == "f"
        for place in np.argwhere(np.abs(array - slope) <= SAME * abs(slope))
    ]
    if len(matches) != 1:
        return "", None, slope
    other, place = matches[0]
    return f"{other}{list(place)}", matches[0], float(probe.values[other][place])

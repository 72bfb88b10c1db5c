"""What backward itself makes of each output's error, beside what it should make of it.

Backward is handed the upstream gradient of some outputs alone, zeros elsewhere. Where what it gives
is not the sum of their terms, halves are tried, down to single outputs; so terms that are missing,
doubled or multiplied with something else are found by looking, and not by guessing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import Probe
from cnnrun.report.gradients.contributions import Contribution, Index, named

__all__ = ["Passed", "passed_back"]

MOST_CALLS, SECONDS = 1500, 2.0
"""Of backward; a mistake that takes more to find is left to the diagnosis."""
SAME = 1e-8
"""Of the sum of the sizes of all terms."""
LARGEST_FACTOR = 5000
"""A common factor n or 1/n of many terms is recognised up to this."""


@dataclass(frozen=True)
class Passed:
    """What backward makes of one output's error where that is wrong.

    Attributes:
        output: its index, with the sample first.
        factor: by which all that backward adds is too large; 0 where the term is missing. None if
            the term is one of its own kind, and for one that should not be there.
        value: what backward adds; None where that is known of many outputs together only.
        symbol: of the slope that backward has; empty where it has no name.
        slope: its value.
        source: the array that it is an entry of, and which; None where it is none.
    """

    output: Index
    factor: float | None
    value: float | None = None
    symbol: str = ""
    slope: float = 0.0
    source: tuple[str, Index] | None = None


def passed_back(
    probe: Probe,
    name: str,
    index: Index,
    upstream: Array,
    terms: Sequence[Contribution],
    claimed: float,
) -> list[Passed] | None:
    """Return the outputs whose errors backward treats wrongly, in order.

    Args:
        probe: what is checked, at its point.
        name: of the tensor.
        index: of the entry.
        upstream: the gradient with respect to the outputs, in their shape.
        terms: what each output should add; the others should add nothing.
        claimed: what backward gave for all of it.

    Returns:
        None where it takes too long, or backward is not a sum over the outputs.
    """
    search = _Search(probe, name, index, upstream, terms)
    try:
        wrong = search.within(0, upstream.size)
    except _TooLongError:
        return None
    return wrong if search.adds_up(claimed) else None


class _TooLongError(Exception):
    """More calls than anyone would wait for."""


class _Search:
    """Backward on parts of an upstream gradient."""

    def __init__(
        self, probe: Probe, name: str, index: Index, upstream: Array, terms: Sequence[Contribution]
    ) -> None:
        self.probe, self.name, self.index, self.upstream = probe, name, index, upstream
        self.right = np.zeros(upstream.shape)
        for term in terms:
            self.right[term.output] += term.value
        self.live = self.right.ravel() != 0
        self.allowed = SAME * max(float(np.abs(self.right).sum()), 1e-300)
        self.calls, self.end = 0, time.perf_counter() + SECONDS
        self.parts = 0.0

    def adds_up(self, claimed: float) -> bool:
        """Return whether what backward makes of the parts is what it makes of the whole."""
        return abs(claimed - self.parts) <= 10 * self.allowed + SAME * abs(claimed)

    def within(self, start: int, stop: int) -> list[Passed]:
        """Return the wrong ones among the outputs of a range of numbers."""
        value = self._backward(start, stop)
        due = float(self.right.ravel()[start:stop].sum())
        if abs(value - due) <= self.allowed:
            self.parts += value
            return []
        factor = self._factor(value, due)
        several = int(self.live[start:stop].sum())
        if factor is not None and (several > 1 or stop - start == 1):
            self.parts += value
            return [
                Passed(self._place(flat), factor) for flat in range(start, stop) if self.live[flat]
            ]
        if stop - start == 1:
            self.parts += value
            return [self._single(start, value)]
        middle = (start + stop) // 2
        return self.within(start, middle) + self.within(middle, stop)

    def _backward(self, start: int, stop: int) -> float:
        self.calls += 1
        if self.calls > MOST_CALLS or time.perf_counter() > self.end:
            raise _TooLongError
        part = np.zeros(self.upstream.shape)
        part.ravel()[start:stop] = self.upstream.ravel()[start:stop]
        return float(self.probe.backward(part)[self.name][self.index])

    def _factor(self, value: float, due: float) -> float | None:
        """Return a plain factor between what backward gives and what is due; None if there is none.

        One of many terms at once is no chance.
        """
        if abs(due) <= self.allowed:
            return None
        if abs(value) <= self.allowed * 1e-3:
            return 0.0
        ratio = value / due
        for shown in (ratio, 1 / ratio):
            nearest = round(shown)
            if 0 < abs(nearest) <= LARGEST_FACTOR and abs(shown / nearest - 1) <= SAME:
                return float(nearest) if shown == ratio else 1 / nearest
        return None

    def _single(self, flat: int, value: float) -> Passed:
        output = self._place(flat)
        slope = value / float(self.upstream[output])
        symbol, source, slope = named(self.probe, self.name, slope)
        return Passed(output, None, value, symbol, slope, source)

    def _place(self, flat: int) -> Index:
        return tuple(map(int, np.unravel_index(flat, self.upstream.shape)))

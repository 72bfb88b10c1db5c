"""Checks a whole tensor at once, along a random direction, and finds the element that is wrong.

Where few elements of a large tensor can be compared one by one, a mistake in any other would go
unseen. A random direction moves all of them together: the derivative along d must be <gradient, d>.
If it is not, halving the set of moved elements leads to a wrong one.

Where the function is affine in the tensor no small step is needed: the adjoint identity
<g, f(x + d) - f(x)> = <gradient, d> holds for any d, to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import Outcome, Probe
from cnnrun.gradcheck.stages.differences import Line, differentiate
from cnnrun.gradcheck.stages.elements import DOUBT, largest

__all__ = ["Coverage", "cover"]


@dataclass(frozen=True)
class Coverage:
    """What a random direction showed.

    Attributes:
        affine: whether the function is affine in this tensor, so that the test was exact.
        claimed, measured: <gradient, d>, and the derivative along d.
        index: of a wrong element; None if all is right, or nothing can be said.
        resolved: whether anything can be said.
        allowed: how far the two may be apart.
        norm: of gradient times direction, element by element: of what a change is measured by.
        passes: how many forward passes it took.
    """

    affine: bool
    claimed: float
    measured: float
    index: tuple[int, ...] | None
    resolved: bool
    allowed: float
    norm: float
    passes: int


class _Search:
    """Derivatives of one tensor along directions, beside what its gradient claims."""

    def __init__(
        self,
        probe: Probe,
        name: str,
        upstream: Array,
        gradients: dict[str, Array],
        base: Outcome,
    ) -> None:
        self.probe, self.name, self.base = probe, name, base
        self.upstream, self.gradient = upstream, gradients[name]
        self.precision = probe.precision
        self.vanishing = self.precision.vanishing * largest(gradients.values())
        self.passes = 0
        self.affine = False

    def find_affine(self, direction: Array) -> None:
        """Note whether the outputs at -1, 0, 1 and 2 lie on a line."""
        line = Line(self.probe, self.name, direction)
        y = {t: line.at(t)[0].y for t in (-1.0, 1.0, 2.0)}
        y[0.0] = self.base.y
        self.passes += line.passes
        scale = max(float(np.max(np.abs(value), initial=0)) for value in y.values())
        bends = max(np.max(np.abs(y[t - 1] - 2 * y[t] + y[t + 1]), initial=0) for t in (0.0, 1.0))
        self.affine = bool(bends <= 1e3 * self.precision.epsilon * scale)

    def start(self, direction: Array) -> tuple[float, float, float, bool]:
        """Note whether the function is affine, and return what `along` does."""
        self.find_affine(direction)
        return self.along(direction)

    def along(self, direction: Array) -> tuple[float, float, float, bool]:
        """Return <gradient, d>, the measured derivative, the allowed error, and if it is known."""
        terms = self.gradient * direction
        line = Line(self.probe, self.name, direction)
        if self.affine:
            y = line.at(1.0)[0].y
            change = self.upstream * (y - self.base.y)
            measured, known = float(np.sum(change)), True
            size = np.sum(np.abs(self.upstream) * (np.abs(y) + np.abs(self.base.y)))
            error = 4 * self.precision.epsilon * float(size)
        else:
            derivative = differentiate(line, self.base, [self.upstream])
            measured, known = float(derivative.value[0]), not derivative.has_kink
            error = float(derivative.error[0])
        self.passes += line.passes
        claimed = float(np.sum(terms))
        norm = max(float(np.linalg.norm(terms)), abs(measured))
        vanishing = self.vanishing * float(np.linalg.norm(direction))
        allowed = self.precision.direction * norm + vanishing + DOUBT * error
        return claimed, measured, allowed, known

    def wrong_element(self, direction: Array) -> tuple[int, ...] | None:
        """Return an element that is wrong, by halving the set of those that move."""
        low, high = 0, direction.size
        while high - low > 1:
            middle = (low + high) // 2
            halves = []
            parts = self._parts(direction, ((low, middle), (middle, high)))
            for (start, stop), part in parts.items():
                claimed, measured, allowed, known = self.along(part)
                excess = abs(claimed - measured) / max(allowed, np.finfo(float).tiny)
                halves.append((excess if known else 0.0, start, stop))
            excess, low, high = max(halves)
            if excess <= 1:
                return None
        return tuple(map(int, np.unravel_index(low, direction.shape)))

    def _parts(
        self, direction: Array, ranges: Sequence[tuple[int, int]]
    ) -> dict[tuple[int, int], Array]:
        """Return a direction in which only some elements move, ready to be asked for."""
        parts = {}
        for start, stop in ranges:
            part = np.zeros(direction.size)
            part[start:stop] = direction.reshape(-1)[start:stop]
            parts[start, stop] = part.reshape(direction.shape)
        passes = self.passes
        self.probe.prepare(lambda: [self.along(part) for part in parts.values()])
        self.passes = passes
        return parts


def cover(
    probe: Probe,
    name: str,
    upstream: Array,
    gradients: dict[str, Array],
    base: Outcome,
    rng: np.random.Generator,
) -> Coverage:
    """Hold the gradient of the tensor `name` against a derivative along a random direction.

    Args:
        probe: what is checked.
        name: the tensor, of which all elements move at once.
        upstream: the upstream gradient.
        gradients: what backward gives for every tensor.
        base: the outcome at the present point.
        rng: draws the direction.
    """
    gradient = gradients[name]
    search = _Search(probe, name, upstream, gradients, base)
    # No element of the direction is small, or its mistake would be too.
    direction = rng.choice([-1.0, 1.0], gradient.shape) * rng.uniform(0.5, 1.0, gradient.shape)
    probe.prepare(lambda: search.start(direction))
    search.passes = 0
    claimed, measured, allowed, known = search.start(direction)
    index = None
    if known and abs(claimed - measured) > allowed:
        index = search.wrong_element(direction)
    norm = float(np.linalg.norm(gradient * direction))
    return Coverage(search.affine, claimed, measured, index, known, allowed, norm, search.passes)

"""Reads off a layer's numbers whether it normalises, over which values, and with which epsilon.

So a batch, layer, group or instance norm is known whoever wrote it, and whatever it is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod

import numpy as np

from cnnrun.engine.types import Array, Shape
from cnnrun.gradcheck.points.probes import LayerProbe, Probe

__all__ = ["Grouping", "Normalisation", "groupings", "read_normalisation"]

AXES = {4: ("samples", "rows", "columns", "channels"), 2: ("samples", "units")}

NEAR = 1e-8
"""How exactly outputs must be normalised inputs."""


@dataclass(frozen=True)
class Grouping:
    """Which values share one mean.

    Attributes:
        words: the axes that the mean is taken over.
        labels: the group of each value, shaped like x.
    """

    words: str
    labels: Array

    @cached_property
    def count(self) -> int:
        """How many values a group has."""
        return int(self.labels.size // (self.labels.max() + 1))

    def mean(self, values: Array) -> Array:
        """Return the mean of each value's group, shaped like x."""
        sums = np.bincount(self.labels.reshape(-1), values.reshape(-1))
        return np.asarray(sums[self.labels] / self.count)


@dataclass(frozen=True)
class Normalisation:
    """h = (x - mean) / deviation, and y = scale h + shift; arrays are shaped like x.

    Attributes:
        grouping: over what mean and deviation are taken.
        centred: x - mean.
        inverse: 1 / deviation, the epsilon included.
        scale: gamma, spread; ones where there is none.
        gamma, beta: the names of the parameters, where there are any.
        corrected: whether the variance is divided by N - 1.
    """

    grouping: Grouping
    centred: Array
    inverse: Array
    scale: Array
    gamma: str | None
    beta: str | None
    corrected: bool

    @property
    def h(self) -> Array:
        """The normalised x."""
        return self.centred * self.inverse

    def factor(self, *, corrected: bool) -> float:
        """Return what a variance over N is multiplied by to be the one that is meant."""
        return self.grouping.count / (self.grouping.count - 1) if corrected else 1.0

    @property
    def variance(self) -> Array:
        """The variance that forward takes, without epsilon."""
        return self.grouping.mean(self.centred**2) * self.factor(corrected=self.corrected)

    @property
    def epsilon(self) -> float:
        """What forward adds to the variance."""
        return max(0.0, float(np.median(1 / self.inverse**2 - self.variance)))


def groupings(shape: Shape, *, is_ours: bool = True) -> Iterator[Grouping]:
    """Yield in which ways the values of `(N, ...)` can share a mean, the smallest groups first.

    Where the array is not `is_ours`, its axes are numbered, and channels may be the second of them.
    """
    numbered = ("samples", *(f"axis {n}" for n in range(1, len(shape))))
    names = AXES.get(len(shape), numbered) if is_ours or len(shape) < 3 else numbered
    sets = [c for n in range(1, len(shape) + 1) for c in combinations(range(len(shape)), n)]
    ways = []
    for axes in sets:
        *most, last = [names[axis] for axis in axes]
        words = f"{', '.join(most)} and {last}" if most else last
        ways.append(Grouping(words, _labels(shape, axes)))
    channels = shape[-1]
    inside = ", ".join(names[1:-1])
    for groups in range(2, channels):
        if channels % groups == 0:
            split = (*shape[:-1], groups, channels // groups)
            axes = (*range(1, len(shape) - 1), len(shape))
            words = f"{inside} and " * bool(inside) + f"the {names[-1]} of each of {groups} groups"
            ways.append(Grouping(words, _labels(split, axes).reshape(shape)))
    if not is_ours and len(shape) > 2:
        ways += _second_axis_in_groups(shape)
    yield from sorted((way for way in ways if way.count > 1), key=lambda way: way.count)


def _second_axis_in_groups(shape: Shape) -> Iterator[Grouping]:
    """Yield groups of the channels of `(N, C, ...)`."""
    for groups in range(2, shape[1]):
        if shape[1] % groups == 0:
            split = (shape[0], groups, shape[1] // groups, *shape[2:])
            words = f"the channels, in axis 1, of each of {groups} groups and their pixels"
            yield Grouping(words, _labels(split, tuple(range(2, len(split)))).reshape(shape))


def _labels(shape: Shape, axes: tuple[int, ...]) -> Array:
    """Return a number for each value, the same along `axes`."""
    kept = [1 if axis in axes else length for axis, length in enumerate(shape)]
    return np.broadcast_to(np.arange(prod(kept)).reshape(kept), shape)


def read_normalisation(probe: Probe) -> Normalisation | None:
    """Return how a layer normalises at its present point, or None if it does not."""
    x = probe.values[probe.main]
    y = probe.forward().y
    if y.shape != x.shape or x.ndim < 2:
        return None
    gamma = beta = None
    shift = np.zeros(y.shape)
    parameters = {name: array for name, array in probe.values.items() if name != probe.main}
    raised = {
        name: _forward_with(probe, array, array + 1) - y for name, array in parameters.items()
    }
    for name, change in raised.items():
        if np.allclose(change, 1, rtol=0, atol=NEAR):
            beta, shift = name, y - _forward_with(probe, parameters[name], 0 * parameters[name])
    h, scale = y - shift, np.ones(y.shape)
    for name in raised.keys() - {beta}:
        without = _forward_with(probe, parameters[name], 0 * parameters[name])
        if np.allclose(without, shift, rtol=0, atol=NEAR * np.max(np.abs(y))):
            gamma, scaled, h = name, h, raised[name]
            scale = np.divide(scaled, h, out=np.zeros(y.shape), where=h != 0)
    for grouping in groupings(x.shape, is_ours=isinstance(probe, LayerProbe)):
        centred = x - grouping.mean(x)
        variance = grouping.mean(centred**2)
        if not (variance > 0).all():
            continue
        inverse = grouping.mean(h * centred) / variance
        is_unit = (inverse > 0).all() and (inverse**2 * variance < 1.1).all()
        if is_unit and np.allclose(centred * inverse, h, rtol=0, atol=NEAR):
            corrected = _is_corrected(grouping, variance, inverse)
            return Normalisation(grouping, centred, inverse, scale, gamma, beta, corrected)
    return None


def _forward_with(probe: Probe, parameter: Array, value: Array) -> Array:
    """Return the outputs with a parameter set to something else."""
    kept = parameter.copy()
    parameter[...] = value
    try:
        return probe.forward().y
    finally:
        parameter[...] = kept


def _is_corrected(grouping: Grouping, variance: Array, inverse: Array) -> bool:
    """Return whether the variance is divided by N - 1: then the rest, epsilon, is the same."""
    count = grouping.count
    rests = [1 / inverse**2 - variance * factor for factor in (1.0, count / (count - 1))]
    if grouping.labels.max() > 0:
        spread = [float(np.ptp(rest)) for rest in rests]
    else:
        spread = [float(abs(rest.flat[0])) for rest in rests]
    return spread[1] < spread[0]

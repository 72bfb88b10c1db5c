"""Where things are checked: at a user's own data, and at generic random points.

At those there are no ties, no zeros and no symmetric parameters, all of which hide mistakes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod, sqrt

import numpy as np

from cnnrun.engine import Layer
from cnnrun.engine.types import Array, Shape
from cnnrun.gradcheck.points.probes import LayerProbe, Probe

__all__ = ["Point", "distinct", "random_point", "scramble"]


@dataclass
class Point:
    """One probe at one point, and which of its tensors are checked there.

    Attributes:
        probe: what is checked.
        layer: the name under which results are reported.
        label: what the point is, for a reader.
        tensors: those to check.
        redraw: gives the same probe at another random point; None where the point is given.
        most_elements: compared one by one in each tensor; None for as many as the budget allows.
        zero: tensors whose gradient is zero by definition.
        names: under which each tensor is reported.
    """

    probe: Probe
    layer: str
    label: str
    tensors: tuple[str, ...]
    redraw: Callable[[], Probe] | None = None
    most_elements: int | None = None
    zero: frozenset[str] = frozenset()
    names: dict[str, str] = field(default_factory=dict)

    def reported(self, tensor: str) -> str:
        """Return the name under which a tensor is reported."""
        return self.names.get(tensor, tensor)

    def at_most(self, elements: int) -> int:
        """Return how many elements of a tensor are compared here, if the budget allows so many."""
        return elements if self.most_elements is None else min(elements, self.most_elements)

    def sizes(self) -> dict[str, int]:
        """Return the number of elements of each tensor to check."""
        return {name: self.probe.values[name].size for name in self.tensors}


def distinct(shape: Shape, rng: np.random.Generator) -> Array:
    """Return values of about unit size, all different and none near 0: no tie and no kink."""
    size = prod(shape)
    steps = np.arange(size) - size // 2 + 0.5  # never 0
    jittered = steps + rng.uniform(-0.2, 0.2, size)
    return rng.permutation(jittered * (2 * sqrt(3) / size)).reshape(shape)


def scramble(layer: Layer, rng: np.random.Generator, noise: float = 0.5) -> Layer:
    """Take all symmetry from the parameters of a float64 layer, and return it.

    A filter that looks the same upside down, a zero bias or a gamma of ones hides mistakes.
    """
    for array in layer.named_parameters().values():
        size = sqrt(float(np.mean(np.square(array)))) if array.size else 0.0
        array += noise * max(size, 0.2) * rng.standard_normal(array.shape)
    for name, array in layer.named_buffers().items():
        if array.dtype.kind == "f":  # running variances stay positive
            factor = np.exp(0.3 * rng.standard_normal(array.shape))
            array *= factor
            array += 0.1 * rng.standard_normal(array.shape) if name.endswith("mean") else 0.0
    return layer


def random_point(
    layer: Layer,
    name: str,
    samples: int,
    rng: np.random.Generator,
    *,
    training: bool = True,
    scale: float = 1.0,
) -> LayerProbe:
    """Return a layer at a random input with random parameters, at which its outputs are finite.

    The input's size is about `scale`.

    Where they are not, inputs are made positive, as a square root or a logarithm needs them.
    """
    seed = int(rng.integers(1 << 31))
    x = scale * distinct((samples, *layer.input_shape), rng)
    for noise, inputs in ((0.5, x), (0.5, np.abs(x)), (0.05, x), (0.05, np.abs(x))):
        moved = scramble(layer.astype(np.float64), rng, noise)
        probe = LayerProbe(moved, inputs.copy(), name=name, training=training, seed=seed)
        if np.isfinite(probe.forward().y).all():
            break
    return probe

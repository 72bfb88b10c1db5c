"""How parameters start: random draws whose variance keeps activations and gradients in range.

Sources: Glorot & Bengio 2010 (glorot), He et al. 2015 (he), LeCun et al. 1998 (lecun),
Saxe et al. 2014 (orthogonal). `fan_in` and `fan_out` count the connections of one unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt
from typing import ClassVar

import numpy as np

from cnnrun.engine.types import Array, Positive, Shape
from cnnrun.registry import Registry

__all__ = ["INITIALIZERS", "Initializer"]

INITIALIZERS: Registry[type[Initializer]] = Registry("initializer")


@dataclass(frozen=True)
class Initializer:
    """Draws the initial values of one parameter."""

    type_name: ClassVar[str] = ""

    def __call__(self, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        """Return a float64 array of `shape`."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Scaled(Initializer):
    """Zero-mean values of variance `numerator / fan`."""

    numerator: ClassVar[float] = 1.0

    def _fan(self, fan_in: int, fan_out: int) -> float:
        return fan_in

    def _deviation(self, fan_in: int, fan_out: int) -> float:
        return sqrt(self.numerator / self._fan(fan_in, fan_out))


class _Normal(_Scaled):
    def __call__(self, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        return rng.standard_normal(shape) * self._deviation(fan_in, fan_out)


class _Uniform(_Scaled):
    def __call__(self, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        bound = sqrt(3.0) * self._deviation(fan_in, fan_out)  # U(-b, b) has variance b*b/3
        return rng.uniform(-bound, bound, shape)


class _He(_Scaled):
    numerator = 2.0


class _Glorot(_Scaled):
    def _fan(self, fan_in: int, fan_out: int) -> float:
        return (fan_in + fan_out) / 2


@INITIALIZERS.register("he_normal")
class HeNormal(_He, _Normal):
    """Normal with variance 2 / fan_in, for layers followed by a ReLU."""


@INITIALIZERS.register("he_uniform")
class HeUniform(_He, _Uniform):
    """Uniform with variance 2 / fan_in, for layers followed by a ReLU."""


@INITIALIZERS.register("glorot_normal")
class GlorotNormal(_Glorot, _Normal):
    """Normal with variance 2 / (fan_in + fan_out), for sigmoid and tanh."""


@INITIALIZERS.register("glorot_uniform")
class GlorotUniform(_Glorot, _Uniform):
    """Uniform with variance 2 / (fan_in + fan_out), for sigmoid and tanh."""


@INITIALIZERS.register("lecun_normal")
class LecunNormal(_Normal):
    """Normal with variance 1 / fan_in."""


@INITIALIZERS.register("lecun_uniform")
class LecunUniform(_Uniform):
    """Uniform with variance 1 / fan_in."""


@INITIALIZERS.register("zeros")
@dataclass(frozen=True)
class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        return np.zeros(shape)


@INITIALIZERS.register("constant")
@dataclass(frozen=True)
class Constant(Initializer):
    """All `value`."""

    value: float

    def __call__(self, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        return np.full(shape, self.value, np.float64)


@INITIALIZERS.register("orthogonal")
@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Orthonormal rows or columns, whichever are fewer, times `gain`.

    The array is seen as a matrix (all axes but the last, last axis).
    """

    gain: Positive = 1.0

    def __call__(self, shape: Shape, fan_in: int, fan_out: int, rng: np.random.Generator) -> Array:
        rows, columns = prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diagonal(r))  # makes the draw uniform over orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)

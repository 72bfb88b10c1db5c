"""Which elements of a tensor are checked when there are too many: corners and borders always."""

from __future__ import annotations

from itertools import pairwise, product
from math import prod

import numpy as np

from cnnrun.engine.types import Shape

__all__ = ["choose"]

Index = tuple[int, ...]

CORNERS = 16


def choose(shape: Shape, count: int, rng: np.random.Generator) -> list[Index]:
    """Return the indices of `count` elements in row-major order; all of them if there are no more.

    The corners of the tensor come first, a quarter of the rest lies on its border, and the others
    are spread: one drawn from each of as many equal stretches of the tensor.
    """
    size = prod(shape)
    if size <= count:
        return [tuple(map(int, index)) for index in np.ndindex(*shape)]
    ends = [sorted({0, length - 1}) for length in shape]
    corners = [int(np.ravel_multi_index(c, shape)) for c in product(*ends)]
    chosen = dict.fromkeys(rng.permutation(corners)[: min(CORNERS, max(1, count // 4))].tolist())
    for _ in range((count - len(chosen)) // 4):
        chosen[_border(shape, rng)] = None
    strata = np.linspace(0, size, count - len(chosen) + 1).astype(int)
    for low, high in pairwise(strata):
        chosen[int(rng.integers(low, max(high, low + 1)))] = None
    return [tuple(map(int, np.unravel_index(flat, shape))) for flat in sorted(chosen)]


def _border(shape: Shape, rng: np.random.Generator) -> int:
    """Return a random element at the first or last position of one axis."""
    index = [int(rng.integers(length)) for length in shape]
    axis = int(rng.integers(len(shape)))
    index[axis] = int(rng.choice([0, shape[axis] - 1]))
    return int(np.ravel_multi_index(index, shape))

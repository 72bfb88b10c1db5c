"""How an array of the user's lies in the layout of our layers: axes put in another order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations
from math import prod

import numpy as np

from cnnrun.engine.types import Array, Shape

__all__ = ["Axes", "candidates", "of_images"]


@dataclass(frozen=True)
class Axes:
    """One array in two layouts.

    Attributes:
        theirs, ours: its shape in the user's code and in our layer.
        order: the user's axes in our order; a reshape may follow.
    """

    theirs: Shape
    order: tuple[int, ...]
    ours: Shape

    def to_ours(self, array: Array) -> Array:
        """Return an array of the user's in our layout, a copy."""
        return array.transpose(self.order).reshape(self.ours).copy()

    def to_theirs(self, array: Array) -> Array:
        """Return an array of our layer's in the user's layout, a copy."""
        turned = array.reshape([self.theirs[axis] for axis in self.order])
        return turned.transpose(np.argsort(self.order)).copy()

    def index(self, theirs: tuple[int, ...]) -> tuple[int, ...]:
        """Return where an element of the user's array lies in ours."""
        if not theirs:
            return (0,) * len(self.ours)
        turned = tuple(theirs[axis] for axis in self.order)
        flat = np.ravel_multi_index(turned, tuple(self.theirs[axis] for axis in self.order))
        return tuple(map(int, np.unravel_index(flat, self.ours))) if self.ours else ()


def of_images(shape: Shape, layout: str) -> Axes:
    """Return how a batch `(N, ...)` lies in ours, `(N, H, W, C)` for images."""
    order = (0, 2, 3, 1) if layout == "NCHW" and len(shape) == 4 else tuple(range(len(shape)))
    return Axes(shape, order, tuple(shape[axis] for axis in order))


def candidates(theirs: Shape, ours: Shape, layout: str) -> Iterator[Axes]:
    """Yield the ways in which a parameter can lie, the usual one of the layout first."""
    usual: list[tuple[int, ...]] = [tuple(range(len(theirs)))]
    if layout == "NCHW" and len(theirs) == 4:
        usual = [(2, 3, 1, 0), (2, 3, 0, 1), *usual]  # (F, C, H, W), and transposed convolutions
    if prod(theirs) != prod(ours):
        return
    for order in dict.fromkeys([*usual, *permutations(range(len(theirs)))]):
        turned = tuple(theirs[axis] for axis in order)
        if [n for n in turned if n > 1] == [n for n in ours if n > 1]:
            yield Axes(theirs, order, ours)

"""Toom and Cook's algorithm, transposed: a filter over several outputs with fewer products."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["POINTS", "Algorithm"]

POINTS = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)
"""Where the polynomials are evaluated, besides infinity; small ones keep the rounding small."""


@dataclass(frozen=True)
class Algorithm:
    """F(outputs, taps): so many output rows at once from a filter of so many taps.

    Attributes:
        outputs, taps: m and r.
        output_transform: A^T, `(m, points)`.
        filter_transform: G, `(points, r)`.
        input_transform: B^T, `(points, points)`.
    """

    outputs: int
    taps: int
    output_transform: Array
    filter_transform: Array
    input_transform: Array

    @property
    def points(self) -> int:
        """The number of products, m + r - 1."""
        return self.outputs + self.taps - 1

    @staticmethod
    @cache
    def of(outputs: int, taps: int, dtype: np.dtype[Any]) -> Algorithm:
        """Return the algorithm of Toom and Cook on `POINTS` and infinity, transposed.

        At a point a, the filter is a polynomial's value over the product of a's distances to the
        other points, and the input meets the polynomial that vanishes at all others.
        """
        points = POINTS[: outputs + taps - 2]
        count = len(points) + 1
        forward = np.zeros((outputs, count))  # A^T
        filters = np.zeros((count, taps))  # G
        inputs = np.zeros((count, count))  # B^T
        for row, point in enumerate(points):
            others = [other for other in points if other != point]
            forward[:, row] = point ** np.arange(outputs)
            filters[row] = point ** np.arange(taps) / np.prod(point - np.array(others))
            inputs[row, :-1] = np.poly(others)[::-1]  # lowest power first
        forward[-1, -1] = filters[-1, -1] = 1
        inputs[-1] = np.poly(points)[::-1]
        return Algorithm(outputs, taps, *(m.astype(dtype) for m in (forward, filters, inputs)))

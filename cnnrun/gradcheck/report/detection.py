"""Which relative error a check would still have found, from how well it knew the derivatives.

It is an estimate for elements of typical size: a small one among large ones may be off by more.
tools/detection_limits.py measures with planted errors how near it comes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.elements import DOUBT, Tensor

__all__ = ["DetectionLimit", "limit_of", "worst_limit"]

MARGIN = 10
"""For luck: a random direction may hardly move what is wrong. Measured: errors so much larger than
what is allowed along a typical direction were found at nearly every seed."""


@dataclass(frozen=True)
class DetectionLimit:
    """The smallest relative errors that would be found.

    Attributes:
        layer, tensor: names; whose limit it is.
        element: in one element of the tensor.
        whole: in all of the tensor, by the same factor.
    """

    layer: str
    tensor: str
    element: float
    whole: float

    def __str__(self) -> str:
        return f"{self.element:.0e} in one element, {self.whole:.0e} in a whole tensor"


def limit_of(row: Row) -> DetectionLimit | None:
    """Return what would be found in a tensor; None where nothing could be told."""
    each = [(limit, tensor) for _, tensor in row.points if (limit := _compared(tensor)) is not None]
    moved = [
        (MARGIN * coverage.allowed / coverage.norm, row.size)
        for coverage in row.coverages
        if coverage.resolved and coverage.norm > 0
    ]
    element = [limit for limit, tensor in each if len(tensor.elements) >= tensor.gradient.size]
    element += [limit * float(np.sqrt(size)) for limit, size in moved]
    whole = [limit for limit, _ in each] + [limit for limit, _ in moved]
    if not element:
        return None
    return DetectionLimit(row.layer, row.gradient, min(element), min(whole))


def worst_limit(rows: Sequence[Row]) -> DetectionLimit | None:
    """Return the limit of the tensor in which a single element may be off by most unseen."""
    limits = [limit for row in rows if (limit := limit_of(row)) is not None]
    return max(limits, key=lambda limit: limit.element, default=None)


def _compared(tensor: Tensor) -> float | None:
    """Return from which relative error on a typical compared element is wrong."""
    sizes = [(max(abs(e.analytic), abs(e.numeric)), e.error) for e in tensor.resolved]
    doubts = [error / size for size, error in sizes if size > 0]
    return tensor.probe.precision.tolerance + DOUBT * float(np.median(doubts)) if doubts else None

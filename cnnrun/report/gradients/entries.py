"""Which point and which entry of a wrong tensor the page shows."""

from __future__ import annotations

import numpy as np

from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.elements import Element, Tensor

__all__ = ["telling_point", "worst_element"]


def telling_point(row: Row) -> tuple[str, Tensor] | None:
    """Return the point at which most is known of what is wrong; None where nothing was compared."""
    wrong = [point for point in row.points if worst_element(point[1]) is not None]
    return max(wrong, key=lambda point: len(point[1].resolved), default=None)


def worst_element(tensor: Tensor) -> Element | None:
    """Return the worst of the wrong elements; None if there is none.

    Those are left out that were on a kink, and so were seen at another point than the others.
    """
    wrong = [
        element
        for element in tensor.of("wrong")
        if np.array_equal(tensor.gradient[element.index], element.analytic, equal_nan=True)
    ]
    return max(wrong, key=lambda element: element.relative_error, default=None)

"""How exactly a probe computes, and which steps and tolerances follow from that.

In float64 a step of 1e-5 leaves a derivative good to 1e-10; in float32 the best step is near 3e-2,
for truncation and rounding meet there, and no derivative is known better than to about 1e-4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

__all__ = ["DOUBLE", "SINGLE", "SINGLE_CLAIM", "Precision"]


@dataclass(frozen=True)
class Precision:
    """What numerical derivatives of a function are good for.

    Attributes:
        name: in words, for a report.
        epsilon: one rounding of an output.
        claimed: one rounding of what backward gives.
        steps: of central differences, relative to max(1, |x|); the next one is tried only where
            there was a kink.
        curvature: the relative change of a slope between a step and its half that a smooth
            function may show.
        tolerance: the relative difference of an element that is wrong; far above what rounding
            does, far below any mistake.
        direction: the same for a whole tensor that moves along a direction.
        resolution: an element is resolved when its derivative is known better than this part of
            its size.
        vanishing: of the largest gradient at a point: what is smaller is zero but for rounding.
        law: how exactly laws hold that need no differences.
    """

    name: str
    epsilon: float
    claimed: float
    steps: tuple[float, ...]
    curvature: float
    tolerance: float
    direction: float
    resolution: float
    vanishing: float
    law: float


EPSILON, EPSILON_32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)

DOUBLE = Precision(
    name="float64",
    epsilon=EPSILON,
    claimed=EPSILON,
    steps=(1e-5, 1e-6, 1e-7, 1e-8),
    curvature=1e-5,
    tolerance=1e-6,
    direction=1e-8,
    resolution=1e-4,
    vanishing=1e-10,
    law=1e-10,
)
SINGLE = Precision(
    name="float32",
    epsilon=EPSILON_32,
    claimed=EPSILON_32,
    steps=(3e-2, 1e-2, 3e-3),
    curvature=1e-2,
    tolerance=1e-3,
    direction=1e-3,
    resolution=3e-2,
    vanishing=1e-5,
    law=1e-4,
)
SINGLE_CLAIM = replace(
    DOUBLE,
    name="float32, against float64 differences of a reference",
    claimed=EPSILON_32,
    tolerance=1e-4,
    direction=1e-4,
    vanishing=1e-5,
    law=1e-4,
)
"""A float32 backward whose forward has a float64 twin."""

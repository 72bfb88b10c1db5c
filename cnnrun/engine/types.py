"""The types and option annotations that every part of the engine shares.

An option's annotation says what values are allowed. The engine only declares these rules;
`cnnrun.config` enforces them and prints them as a JSON Schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "Array",
    "DType",
    "Fraction",
    "NonNegative",
    "NonNegativeInt",
    "Padding",
    "Pair",
    "Positive",
    "PositiveInt",
    "Range",
    "Shape",
    "UnitInterval",
    "as_pair",
]

Array = npt.NDArray[Any]
Shape = tuple[int, ...]  # of one sample: without the batch axis
DType = np.dtype[Any]


@dataclass(frozen=True)
class Range:
    """The bounds of a numeric option; None leaves a side open."""

    gt: float | None = None
    ge: float | None = None
    lt: float | None = None
    le: float | None = None


PositiveInt = Annotated[int, Range(ge=1)]
NonNegativeInt = Annotated[int, Range(ge=0)]
Positive = Annotated[float, Range(gt=0)]
NonNegative = Annotated[float, Range(ge=0)]
Fraction = Annotated[float, Range(ge=0, lt=1)]
UnitInterval = Annotated[float, Range(ge=0, le=1)]

Pair = PositiveInt | tuple[PositiveInt, PositiveInt]  # height, width
Padding = Literal["valid", "same"] | NonNegativeInt | tuple[NonNegativeInt, NonNegativeInt]


def as_pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return `value` as (height, width); one number stands for both."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])

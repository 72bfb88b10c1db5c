"""Says which image sizes a network takes, where two paths of a block come to different sizes."""

from __future__ import annotations

from collections.abc import Callable

from cnnrun.engine.names import format_size
from cnnrun.engine.types import Shape

__all__ = ["describe_fitting_sizes"]

FARTHEST = 64
"""Rows and columns; six halvings divide by as much, and no network here has more."""


def describe_fitting_sizes(shape: Shape, fits: Callable[[Shape], bool]) -> str:
    """Return words on which sizes near an image's `shape` fit, to end a message with, or nothing.

    That is the nearest smaller one and the nearest larger one, as far as there are any.
    """
    if len(shape) != 3:
        return ""
    height, width, channels = shape
    nearest = []
    for sign in (-1, 1):
        for size in _sizes(height, width, sign):
            if fits((*size, channels)):
                nearest.append(format_size(size))
                break
    return f"; images of {' or '.join(nearest)} fit" if nearest else ""


def _sizes(height: int, width: int, sign: int) -> list[tuple[int, int]]:
    """Return the sizes to try on one side, the nearest first.

    Both sides as much smaller or larger; and, since strides round down what they cannot divide,
    both rounded to a multiple of the same number.
    """
    sizes = set()
    for number in range(1, FARTHEST + 1):
        sizes.add((height + sign * number, width + sign * number))
        rounded = [-(-sign * length // number) * number * sign for length in (height, width)]
        sizes.add((rounded[0], rounded[1]))
    sizes -= {(height, width)}
    positive = [size for size in sizes if min(size) > 0]
    return sorted(positive, key=lambda size: (abs(size[0] - height) + abs(size[1] - width), size))

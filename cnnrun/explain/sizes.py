"""Checks the sizes that a caller gives, so that a wrong one is named and not met in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnrun.errors import OptionError

__all__ = [
    "entry_of", "image_shape", "require_few", "require_padding", "require_pair", "require_sizes",
]  # fmt: skip

MOST_NUMBERS = 9
"""Of a function of several numbers: their Jacobian has the square of it."""


def require_sizes(
    option: str, value: Any, counts: Sequence[int] = (1,), *, least: int = 1, example: str = "3"
) -> tuple[int, ...]:
    """Return one whole number, or several, as a tuple.

    Args:
        option: whose value it is.
        value: a number, or a sequence of them.
        counts: how many may stand in a sequence.
        least: the smallest number allowed.
        example: what a right value looks like.

    Raises:
        OptionError: the value is something else.
    """
    sizes = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
    whole = all(isinstance(size, int) and not isinstance(size, bool) for size in sizes)
    if len(sizes) not in counts or not whole or min(sizes) < least:
        raise OptionError(option, f"{value!r} is no size from {least} up, such as {example}")
    return sizes


def require_few(option: str, value: Any, *, least: int = 1) -> int:
    """Return how many numbers there are, where each may act on each.

    Raises:
        OptionError: the value is something else, or more than anyone would read.
    """
    (count,) = require_sizes(option, value, least=least)
    if count > MOST_NUMBERS:
        raise OptionError(option, f"{count} is more than the {MOST_NUMBERS} that are spelled out")
    return count


def require_pair(option: str, value: Any) -> None:
    """Refuse what is neither a number nor a height and a width.

    Raises:
        OptionError: the value is something else.
    """
    require_sizes(option, value, (1, 2), example="2, or (2, 3) for height and width")


def require_padding(value: Any) -> None:
    """Refuse what is no padding.

    Raises:
        OptionError: the value is something else.
    """
    if value not in ("valid", "same"):
        example = "'valid', 'same', 1, or (1, 2) for height and width"
        require_sizes("padding", value, (1, 2), least=0, example=example)


def image_shape(input: Any) -> tuple[int, int, int]:
    """Return height, width and channels; a number is a square's side, and one channel is usual.

    Raises:
        OptionError: the value is something else.
    """
    sizes = require_sizes("input", input, (1, 2, 3), example="(3, 3), or (3, 3, 2) with channels")
    height, width = (sizes[0], sizes[0]) if len(sizes) == 1 else sizes[:2]
    return height, width, sizes[2] if len(sizes) == 3 else 1


def entry_of(element: Any) -> tuple[int, ...] | None:
    """Return the place of one entry, which counts from 1; None for all.

    Raises:
        OptionError: the value is something else.
    """
    if element is None:
        return None
    example = "(2, 3): row and column, counted from 1"
    return require_sizes("element", element, (1, 2, 3, 4), example=example)

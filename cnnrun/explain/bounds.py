"""Decides which entries are spelled out: all of a small geometry, or one entry of a large one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cnnrun.errors import ConfigError

__all__ = ["MOST_EQUATIONS", "MOST_TERMS", "choose_entries", "require_small"]

MOST_EQUATIONS = 300
MOST_TERMS = 3000


def require_small(equations: int, terms: int) -> None:
    """Refuse a geometry with more equations or terms than anyone would read.

    Raises:
        ConfigError: there are too many equations or terms.
    """
    if equations > MOST_EQUATIONS or terms > MOST_TERMS:
        raise ConfigError(
            f"this geometry has {equations:,} equations with {terms:,} terms; the bound is "
            f"{MOST_EQUATIONS} equations and {MOST_TERMS:,} terms. --element 2,3 asks for one "
            "entry of each array"
        )


def choose_entries(
    shape: Sequence[int], element: Sequence[int] | None
) -> Iterator[tuple[int, ...]]:
    """Yield all indices of an array, or the one that `element` names, which counts from 1.

    An index that `element` leaves out is the first; an entry that the array lacks is left out.
    """
    if element is None:
        yield from np.ndindex(*shape)
        return
    whole = [*element, *[1] * len(shape)][: len(shape)]
    index = tuple(number - 1 for number in whole)
    if all(0 <= i < size for i, size in zip(index, shape, strict=True)):
        yield index

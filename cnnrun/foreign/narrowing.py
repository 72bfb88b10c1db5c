"""Whether numbers that are kept in float64 were computed in float32 somewhere on the way."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["is_narrowed"]


def is_narrowed(results: Iterable[Array], sources: Iterable[Array]) -> bool:
    """Return whether results all fit into float32 though what they come from does not.

    Numbers that a few bits hold (0, 1, a count) tell nothing, nor do results of sources that are
    float32 themselves, such as stored parameters.
    """
    if not any(_is_wide(array) for array in sources):
        return False
    own = [np.asarray(array, np.float64) for array in results]
    return not any(_is_wide(array) for array in own) and any(
        np.any(array != array.astype(np.float16)) for array in own
    )


def _is_wide(array: Array) -> bool:
    """Return whether an array has numbers that float32 cannot hold."""
    with np.errstate(all="ignore"):
        return bool(array.dtype == np.float64 and np.any(array != array.astype(np.float32)))

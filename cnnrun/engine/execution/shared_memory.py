"""Arrays in memory that a process shares with those it forks."""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from cnnrun.engine.types import Array, Shape

__all__ = ["SWITCH", "are_shared", "can_fork", "shared", "shared_copies", "shared_like"]

ALIGNMENT = 64
"""Every array starts at a multiple of so many bytes, the size of a cache line."""

SWITCH = "CNNRUN_WORKERS"
"""The environment variable that makes workers threads, also on Linux, when it says `threads`."""


def can_fork() -> bool:
    """Return whether workers may be processes: on Linux, unless the switch forbids it.

    macOS can fork too, but its system libraries do not survive it, and Windows cannot.
    """
    return sys.platform == "linux" and os.environ.get(SWITCH) != "threads"


def shared(arrays: Mapping[str, tuple[Shape, np.dtype[Any]]]) -> dict[str, Array]:
    """Return zero arrays of such shapes and dtypes in one block of shared memory."""
    offsets, total = [], 0
    for shape, dtype in arrays.values():
        offsets.append(total)
        total += -(-prod(shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
    block = mmap.mmap(-1, max(total, 1))  # freed when the last array is gone
    return {
        name: np.ndarray(shape, dtype, block, offset)
        for (name, (shape, dtype)), offset in zip(arrays.items(), offsets, strict=True)
    }


def shared_like(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return zero arrays of the same shapes and dtypes in one block of shared memory."""
    return shared({name: (array.shape, array.dtype) for name, array in arrays.items()})


def shared_copies(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays in shared memory: themselves where they are there already, else copies."""
    if are_shared(arrays.values()):
        return dict(arrays)
    copies = shared_like(arrays)
    for name, array in arrays.items():
        copies[name][...] = array
    return copies


def are_shared(arrays: Iterable[Array]) -> bool:
    """Return whether all of these lie in memory that `shared` has made."""
    return all(isinstance(array.base, mmap.mmap) for array in arrays)

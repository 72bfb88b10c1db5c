"""Compiled kernels, where numba is installed; NumPy alone is the default and the reference."""

from __future__ import annotations

import os
from functools import cache
from types import ModuleType

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["SWITCH", "are_plain", "kernels", "version"]

SWITCH = "CNNRUN_KERNELS"
"""The environment variable that switches numba off when it says `numpy`."""


@cache
def kernels() -> ModuleType | None:
    """Return the module of the compiled kernels, or None where NumPy is used instead."""
    if os.environ.get(SWITCH) == "numpy":
        return None
    try:
        from cnnrun.engine.kernels import compiled
    except Exception:
        # It is not there, does not know this NumPy or Python, finds no folder to keep what it has
        # compiled, or has no room to load its library: it says each in another way.
        return None
    return compiled


def version() -> str | None:
    """Return numba's version if it is used, else None."""
    if kernels() is None:
        return None
    import numba

    return str(numba.__version__)


def are_plain(*arrays: Array) -> bool:
    """Return whether compiled kernels take such arrays: contiguous, float32 or float64 alike."""
    dtype = arrays[0].dtype
    return dtype in (np.float32, np.float64) and all(
        array.flags.c_contiguous and array.flags.writeable and array.dtype == dtype
        for array in arrays
    )

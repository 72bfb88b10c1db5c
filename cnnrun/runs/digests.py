"""Digests of the weights while a run trains: they tell cheaply where two trainings part.

`digests.jsonl` has a line for the first weights, for every epoch, for a stop, and with
`train --check-every N` for every N steps. A line has a digest of each parameter and buffer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from cnnrun.config.stored import DigestLine, read_stored
from cnnrun.engine.types import Array
from cnnrun.errors import RunError
from cnnrun.runs.folder import Run

__all__ = ["digests_of", "parting_tensors", "read_digests"]

LETTERS = 16
"""Of each SHA-256: 64 bits, which no two arrays that differ by chance have in common."""


def digests_of(weights: Mapping[str, Array]) -> dict[str, str]:
    """Return a digest of each array, by its name."""
    return {
        name: hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()[:LETTERS]
        for name, array in weights.items()
    }


def read_digests(run: Run) -> dict[int, dict[str, str]]:
    """Return by step the digests of the weights then; none of a run of an earlier version.

    Raises:
        RunError: the file cannot be read, or a line is damaged.
    """
    try:
        content = run.digests.read_bytes() if run.digests.exists() else b""
    except OSError as error:
        raise RunError(f"{run.digests}: cannot be read ({error.strerror})") from None
    lines = content.split(b"\n")[:-1]  # what follows is a cut line
    entries = [
        read_stored(DigestLine, line, f"{run.digests}:{number}", RunError)
        for number, line in enumerate(lines, 1)
    ]
    return {entry["step"]: entry["weights"] for entry in entries}


def parting_tensors(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Return the names of the arrays whose digests differ, or that only one has."""
    return [name for name in {**one, **other} if one.get(name) != other.get(name)]

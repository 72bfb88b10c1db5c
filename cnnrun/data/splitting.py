"""Holds samples out of a split."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["stratified_split"]


def stratified_split(labels: Array, fraction: float, seed: int, what: str) -> tuple[Array, Array]:
    """Return the indices (kept, held out), in order; of every class the same share is held out.

    Args:
        labels: `(N,)` class numbers; `(N, K)` labels are split without regard to class.
        fraction: of each class to hold out, rounded; at least one sample of each is kept.
        seed: which ones.
        what: the name of the part held out, for the message.

    Raises:
        DataError: nothing would be held out.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x5EED,)))
    groups = (
        [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if labels.ndim == 1
        else [np.arange(len(labels))]
    )
    held = []
    for group in groups:
        count = max(0, min(round(fraction * len(group)), len(group) - 1))
        held.append(rng.permutation(group)[:count])
    out = np.sort(np.concatenate(held)) if held else np.empty(0, np.int64)
    if not len(out):
        raise DataError(
            f"{what} would be empty: {fraction:g} of each class of {len(labels)} samples rounds to "
            "none; take a larger fraction"
        )
    return np.setdiff1d(np.arange(len(labels)), out), out

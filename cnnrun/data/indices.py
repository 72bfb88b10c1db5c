"""Reads which samples of a split are meant: numbers, or words such as `3,7` and `0-9`."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError, DataError

__all__ = ["Indices", "read_indices"]

Indices = int | Sequence[int] | str
MOST_SAMPLES = 200


def read_indices(index: Indices, count: int) -> Array:
    """Return the samples that `index` names of a split of `count` samples, in its order.

    Raises:
        ConfigError: it is neither numbers nor ranges, or names more than 200 samples.
        DataError: the split has no such sample.
    """
    if isinstance(index, str):
        text = index
    else:
        text = ",".join(map(str, [index] if isinstance(index, int) else index))
    chosen: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9]{1,18})(?:-([0-9]{1,18}))?\s*", part)
        first, last = map(int, (match[1], match[2] or match[1])) if match else (0, -1)
        if last < first:
            raise ConfigError(f"--index {text}: write it as 3,7 or 0-9")
        chosen += range(first, last + 1)[: MOST_SAMPLES + 1]
        if len(chosen) > MOST_SAMPLES:
            raise ConfigError(f"--index {text}: the bound is {MOST_SAMPLES} samples")
    if max(chosen) >= count:
        raise DataError(f"--index {text}: the split has samples 0 to {count - 1}")
    return np.array(chosen)

"""The bootstrap: how a figure would scatter over other test sets of the same size.

A resample draws the samples of the set with replacement; it is kept as how often each was drawn, so
that a figure of many resamples at once is a matrix product or a running sum. Source: Efron &
Tibshirani, An Introduction to the Bootstrap (1993), ch. 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from cnnrun.statistics.intervals import CONFIDENCE, Interval

__all__ = ["bootstrap", "percentile_interval"]

Numbers = npt.NDArray[np.floating]

MOST_RESAMPLES = 1000
LEAST_RESAMPLES = 200
MOST_WORK = 200_000_000
"""Samples times figures times resamples; of larger sets fewer resamples are drawn."""
BLOCK_NUMBERS = 1_000_000
"""Of the counts that are in memory at once: 4 MB."""


def bootstrap(samples: int, measure: Callable[[Numbers], Numbers], cost: int = 1) -> Numbers:
    """Return figures of resamples, `(F, R)`; the same at every call.

    Args:
        samples: N, how many there are in the set.
        measure: takes how often each sample was drawn, `(N, B)`, and returns the figures of these
            B resamples, `(F, B)`; NaN where one is not defined.
        cost: so many numbers `measure` looks at for every sample; where that makes more than 200
            million, fewer resamples than 1000 are drawn, but 200 at least.
    """
    resamples = MOST_WORK // max(1, samples * cost)
    resamples = min(max(resamples, LEAST_RESAMPLES), MOST_RESAMPLES)
    return np.concatenate([measure(counts) for counts in _counts(samples, resamples)], axis=1)


def _counts(samples: int, resamples: int) -> Iterator[Numbers]:
    """Yield how often each sample is in each resample, in blocks `(N, B)`."""
    random = np.random.default_rng(0)
    width = max(1, BLOCK_NUMBERS // samples)
    for start in range(0, resamples, width):
        counts = np.empty((samples, min(width, resamples - start)), np.float32)
        for column in counts.T:
            column[:] = np.bincount(random.integers(samples, size=samples), minlength=samples)
        yield counts


def percentile_interval(values: Numbers, confidence: float = CONFIDENCE) -> Interval | None:
    """Return between which ends the middle share of a figure's resamples lies.

    Args:
        values: `(R,)`; resamples of which the figure is not defined, NaN, are left out.
        confidence: the share.

    None is returned where nothing scatters: where the figure is the same in every resample, as of
    one without any mistake, or is not defined in most of them, they do not tell how far it can be
    trusted.
    """
    known = values[~np.isnan(values)]
    if len(known) < len(values) / 2 or known.min() == known.max():
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail], method="nearest").tolist()
    return (low, high) if math.isfinite(low) and math.isfinite(high) else None

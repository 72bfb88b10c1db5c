"""How far probabilities can be believed, and the curve of precision over recall."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["Bin", "Calibration", "calibration", "precision_recall_curve"]

BINS = 10


@dataclass(frozen=True)
class Bin:
    """The predictions whose probability lies between two values.

    Attributes:
        low, high: of the probability.
        count: how many there are.
        right: how many of them are right.
        confidence: their mean probability.
    """

    low: float
    high: float
    count: int
    right: int
    confidence: float

    @property
    def share(self) -> float:
        """The share that is right."""
        return self.right / self.count


@dataclass(frozen=True)
class Calibration:
    """Probabilities against how often they are right.

    Attributes:
        bins: those that are not empty.
        error: the expected calibration error: the mean of how far the share of right predictions
            is from their mean probability, over the bins, each counting as often as it has
            predictions. Source: Naeini et al., AAAI 2015.
    """

    bins: tuple[Bin, ...]
    error: float


def calibration(probabilities: Array, right: Array) -> Calibration:
    """Return how far probabilities `(N,)` can be believed; `right` `(N,)` are booleans."""
    places = np.clip((probabilities * BINS).astype(int), 0, BINS - 1)
    bins = []
    for number in np.unique(places).tolist():
        own = places == number
        count, good = int(own.sum()), int(right[own].sum())
        mean = float(probabilities[own].mean(dtype=np.float64))
        bins.append(Bin(number / BINS, (number + 1) / BINS, count, good, mean))
    total = sum(each.count for each in bins)
    error = sum(each.count * abs(each.share - each.confidence) for each in bins) / max(total, 1)
    return Calibration(tuple(bins), error)


def precision_recall_curve(scores: Array, positive: Array) -> tuple[Array, Array]:
    """Return the recall and the precision at every score that may be the threshold.

    Args:
        scores: `(N,)`.
        positive: `(N,)` booleans, at least one of them true.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of equal scores
    right = np.cumsum(positive[order])[ends]
    return right / right[-1], right / (ends + 1)

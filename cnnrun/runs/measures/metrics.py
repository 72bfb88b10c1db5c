"""How good predictions are: accuracy, and per class precision, recall, F1 and AUC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array

__all__ = [
    "ClassMetrics",
    "accuracy",
    "area_under_curve",
    "balanced_accuracy",
    "confusion_matrix",
    "count_right",
    "exact_matches",
    "macro_f1",
    "mean_area_under_curve",
    "per_class",
]


@dataclass(frozen=True)
class ClassMetrics:
    """The figures of one class against all others; None where they are not defined.

    Attributes:
        precision: of those predicted, the share that is right.
        recall: of those there are, the share that was found.
        f1: the harmonic mean of both.
        auc: the chance that a random member scores above a random other.
        support: how many there are.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None
    support: int


def accuracy(scores: Array, labels: Array) -> float:
    """Return the share of right predictions.

    Args:
        scores: `(N, K)` probabilities.
        labels: `(N,)` class numbers: right is the highest score; or `(N, K)` zeros and ones:
            every label counts, right is the side of 0.5.
    """
    return count_right(scores, labels) / labels.size


def count_right(scores: Array, labels: Array) -> int:
    """Return how many predictions are right, for scores and labels as `accuracy` takes them."""
    if labels.ndim == 2:
        return int(np.sum((scores > 0.5) == (labels > 0.5)))
    return int(np.sum(scores.argmax(axis=1) == labels))


def balanced_accuracy(scores: Array, labels: Array) -> float:
    """Return the mean of every class's recall, over the classes that there are samples of.

    Args:
        scores: `(N, K)` probabilities.
        labels: `(N,)` class numbers.
    """
    classes = scores.shape[1]
    support = np.bincount(labels, minlength=classes)
    right = np.bincount(labels[scores.argmax(axis=1) == labels], minlength=classes)
    there = support > 0
    return float(np.mean(right[there] / support[there]))


def macro_f1(scores: Array, labels: Array) -> float | None:
    """Return the mean of the F1 of every class that is there or was predicted; None of none.

    Scores and labels are as `accuracy` takes them.
    """
    chosen, true = _chosen_and_true(scores, labels)
    right, said, there = (flags.sum(axis=0) for flags in (chosen & true, chosen, true))
    known = said + there > 0
    if not known.any():
        return None
    return float(np.mean(2 * right[known] / (said + there)[known]))


def confusion_matrix(predicted: Array, labels: Array, classes: int) -> Array:
    """Return counts `(K, K)`: rows are true classes, columns predicted ones."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def area_under_curve(scores: Array, positive: Array) -> float | None:
    """Return the area under the ROC curve, by ranks (Mann-Whitney); tied scores share a rank.

    Args:
        scores: `(N,)`.
        positive: `(N,)` booleans. None is returned when all are the same.
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return None
    _, position, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[position]  # ranks from 1; ties get their mean
    above = ranks[positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def mean_area_under_curve(scores: Array, labels: Array) -> float | None:
    """Return the mean of every class's AUC against all others; of two classes, the second's.

    Args:
        scores: `(N, K)`.
        labels: as `accuracy` takes them. A class that all samples have, or none, is left out; None
            is returned when that leaves nothing.
    """
    classes = scores.shape[1]
    if labels.ndim == 2:
        true = labels > 0.5
    else:
        true = labels[:, None] == np.arange(classes)
        if classes == 2:
            return area_under_curve(scores[:, 1], true[:, 1])
    areas = [area_under_curve(scores[:, number], true[:, number]) for number in range(classes)]
    known = [area for area in areas if area is not None]
    return sum(known) / len(known) if known else None


def per_class(scores: Array, labels: Array, names: Sequence[str]) -> list[ClassMetrics]:
    """Return every class's figures, for scores and labels as `accuracy` takes them."""
    chosen, true = _chosen_and_true(scores, labels)
    figures = []
    for number, name in enumerate(names):
        right = int((chosen[:, number] & true[:, number]).sum())
        predicted, support = int(chosen[:, number].sum()), int(true[:, number].sum())
        figures.append(
            ClassMetrics(
                name,
                right / predicted if predicted else None,
                right / support if support else None,
                2 * right / (predicted + support) if predicted + support else None,
                area_under_curve(scores[:, number], true[:, number]),
                support,
            )
        )
    return figures


def _chosen_and_true(scores: Array, labels: Array) -> tuple[Array, Array]:
    """Return whether each class, or label, was predicted, and whether it is there: `(N, K)`."""
    if labels.ndim == 2:
        return scores > 0.5, labels > 0.5
    classes = np.arange(scores.shape[1])
    return scores.argmax(axis=1)[:, None] == classes, labels[:, None] == classes


def exact_matches(scores: Array, labels: Array) -> float:
    """Return the share of samples of which every label is right; both are `(N, K)`."""
    return float(np.mean(((scores > 0.5) == (labels > 0.5)).all(axis=1)))


def roc_curve(scores: Array, positive: Array) -> tuple[Array, Array]:
    """Return the share of false alarms and the recall, at every score that may be the threshold.

    Args:
        scores: `(N,)`.
        positive: `(N,)` booleans, not all the same.
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # of equal scores
    right = np.cumsum(positive[order])[ends]
    false = ends + 1 - right
    return np.append(0, false) / false[-1], np.append(0, right) / right[-1]

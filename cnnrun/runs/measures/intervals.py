"""The 95% intervals of a task's figures, over the samples of a split.

Shares of samples (accuracy, precision, recall, exact matches) get Wilson's interval; all other
figures the percentiles of a bootstrap. `tools/interval_coverage.py` shows which cover the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.statistics import Interval, bootstrap, percentile_interval, wilson_interval

__all__ = [
    "Intervals",
    "class_intervals",
    "mean_intervals",
    "number_intervals",
    "percent",
    "with_ends",
]


@dataclass(frozen=True)
class Intervals:
    """The intervals of figures by their names; None where one cannot be told.

    Attributes:
        overall: of the figures of all samples.
        rows: of the figures of every class, label or number, in their order.
    """

    overall: Mapping[str, Interval | None] = field(default_factory=dict)
    rows: Sequence[Mapping[str, Interval | None]] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON document says of all samples: `{"f1_interval": [low, high]}`."""
        return _document(self.overall)

    def row(self, number: int) -> dict[str, Any]:
        """Return the same of a class, label or number; nothing where there are no rows."""
        return _document(self.rows[number]) if self.rows else {}


def _document(known: Mapping[str, Interval | None]) -> dict[str, Any]:
    return {f"{name}_interval": list(ends) if ends else None for name, ends in known.items()}


def with_ends(
    figure: str, interval: Interval | None, shown: Callable[[float], str] = "{:.4f}".format
) -> str:
    """Return a figure with its interval behind it, where there is one: `0.9231 (0.8741-0.9612)`.

    Args:
        figure: as it is shown.
        interval: its ends.
        shown: writes an end; where that begins with a minus, the ends are joined by `to`.
    """
    if interval is None:
        return figure
    low, high = map(shown, interval)
    return f"{figure} ({low}{' to ' if low.startswith('-') else '-'}{high})"


def percent(share: float) -> str:
    """Return an end of a share whose figure is a percentage."""
    return f"{100 * share:.1f}"


def class_intervals(scores: Array, chosen: Array, true: Array) -> Intervals:
    """Return the intervals of classes or labels; overall of the means of F1, AUC and recall.

    Args:
        scores: `(N, K)` probabilities.
        chosen: `(N, K)` booleans: whether the class, or label, was predicted.
        true: `(N, K)` booleans: whether the sample is of the class, or has the label.
    """
    samples, classes = scores.shape
    every = [_Class(scores[:, k], chosen[:, k], true[:, k]) for k in range(classes)]
    is_pair = classes == 2 and bool((true.sum(axis=1) == 1).all())

    def measure(counts: Array) -> Array:
        """Return F1 and AUC of each class, and the means of both and of recall: `(2K + 3, B)`."""
        figures = np.stack([each.measure(counts) for each in every])  # (K, 3, B)
        f1, auc, recall = figures.transpose(1, 0, 2)
        means = _mean(f1), _mean(auc[1:] if is_pair else auc), _mean(recall)
        return np.concatenate([f1, auc, *means])

    figures = [percentile_interval(row) for row in bootstrap(samples, measure, classes)]
    right, said, there = (flags.sum(axis=0).tolist() for flags in (chosen & true, chosen, true))
    rows = [
        {
            "precision": wilson_interval(right[number], said[number]),
            "recall": wilson_interval(right[number], there[number]),
            "f1": figures[number],
            "auc": figures[classes + number],
        }
        for number in range(classes)
    ]
    return Intervals({"f1": figures[-3], "auc": figures[-2], "recall": figures[-1]}, rows)


def mean_intervals(values: Mapping[str, Array]) -> Intervals:
    """Return the intervals of the means of values `(N,)` of each sample."""
    stacked = np.stack([np.asarray(each, np.float64) for each in values.values()])
    samples = stacked.shape[1]
    means = bootstrap(samples, lambda counts: stacked @ counts / samples, len(stacked))
    named = zip(values, means, strict=True)
    return Intervals({name: percentile_interval(row) for name, row in named})


def number_intervals(true: Array, predicted: Array) -> Intervals:
    """Return the intervals of MAE, RMSE and R2 of every number, and of their means.

    Args:
        true: `(N, K)`.
        predicted: `(N, K)`.
    """
    true, samples = true.astype(np.float64), len(true)
    errors = (predicted - true).T  # (K, N)
    centred = (true - true.mean(axis=0)).T
    moments = np.concatenate([np.abs(errors), errors**2, centred, centred**2])

    def measure(counts: Array) -> Array:
        """Return `(3K + 3, B)`."""
        mae, squares, mean, spread = np.split(moments @ counts / samples, 4)
        rmse, r2 = np.sqrt(squares), 1 - _ratio(squares, spread - mean**2)
        return np.concatenate([mae, rmse, r2, *map(_mean, (mae, rmse, r2))])

    names = ("mae", "rmse", "r2")
    numbers = true.shape[1]
    figures = [percentile_interval(row) for row in bootstrap(samples, measure, 4 * numbers)]
    rows = [dict(zip(names, figures[number:-3:numbers], strict=True)) for number in range(numbers)]
    return Intervals(dict(zip(names, figures[-3:], strict=True)), rows)


class _Class:
    """F1, AUC and recall of a class in many resamples: each sample counts as often as it was drawn.

    The AUC is the chance that a member scores above another, ties counting half: a sum over the
    members of how many others lie below. The samples are sorted once; the others between two
    members are then added up together, which is faster than a running sum over all.
    """

    def __init__(self, scores: Array, chosen: Array, true: Array) -> None:
        order = np.argsort(scores, kind="stable")
        self._members, self._others = order[true[order]], order[~true[order]]
        self._right = np.flatnonzero(chosen[self._members])
        self._wrong = np.flatnonzero(chosen & ~true)
        values, others = scores[self._members], scores[self._others]
        ends = np.stack(
            [
                np.searchsorted(others, values, "left"),  # how many others score less
                np.searchsorted(others, values, "right"),  # how many do not score more
            ]
        )
        inner, places = np.unique(ends, return_inverse=True)  # the only places that matter
        self._starts = np.unique(np.append(0, inner[inner < len(others)]))
        skipped = int(inner[0] > 0) if len(inner) else 0
        self._low, self._high = places.reshape(ends.shape) + skipped

    def measure(self, counts: Array) -> Array:
        """Return F1, AUC and recall in each resample, `(3, B)`; NaN where one is not defined.

        Args:
            counts: `(N, B)`, how often each sample was drawn.
        """
        members, resamples = counts[self._members].astype(np.float64), counts.shape[1]
        there, right = members.sum(axis=0), members[self._right].sum(axis=0)
        f1 = _ratio(2 * right, there + right + counts[self._wrong].sum(axis=0))
        recall = _ratio(right, there)
        if not len(self._others):
            return np.stack([f1, np.full(resamples, np.nan), recall])
        parts = np.add.reduceat(counts[self._others], self._starts, axis=0)
        below = np.zeros((len(parts) + 1, resamples))
        np.cumsum(parts, axis=0, out=below[1:])  # row i: the others before the i-th place
        above = below[self._low]
        above += below[self._high]
        above *= members
        return np.stack([f1, _ratio(above.sum(axis=0), 2 * there * below[-1]), recall])


def _ratio(part: Array, whole: Array) -> Array:
    """Return part / whole, NaN where the whole is not above 0."""
    empty = np.full(np.shape(whole), np.nan)
    divided: Array = np.divide(part, whole, out=empty, where=whole > 0)
    return divided


def _mean(values: Array) -> Array:
    """Return the mean over the rows that are defined, `(1, B)`; NaN where none is."""
    known = ~np.isnan(values)
    return _ratio(np.where(known, values, 0).sum(axis=0), known.sum(axis=0))[None]

"""What the figures of every task have in common: a summary, a table, rows of a file, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cnnrun.engine.types import Array
from cnnrun.runs.measures.intervals import Intervals
from cnnrun.runs.measures.metrics import ClassMetrics, macro_f1, mean_area_under_curve
from cnnrun.statistics import Interval

__all__ = ["INTERVALS_SAID", "Collector", "Figures", "Table", "class_table"]


@dataclass(frozen=True)
class Table:
    """A table of figures; numbers are shown to four digits behind the point, None as a dash."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | int | float | None]]


class Figures:
    """What a network came to on a split.

    A subclass is of one task, and says what of the following there is.
    """

    scores: Array | None = None
    """`(N, K)` probabilities of the classes or labels, where there are any."""
    labels: Array | None = None
    """Of each sample: its class `(N,)`, or zeros and ones or numbers `(N, K)`; None of images."""
    class_names: tuple[str, ...] = ()
    """What the columns of `labels` or `scores` are called."""
    mistakes: tuple[Any, ...] = ()
    """The worst of them, where there is one class an image."""

    @property
    def accuracy(self) -> float | None:
        """The share of right predictions; None where nothing is right or wrong."""
        return None

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Of each sample what is true and what was said; none where nothing is right or wrong."""
        return []

    @property
    def auc(self) -> float | None:
        """The mean of the AUC of every class or label; None where there is none."""
        if self.scores is None or self.labels is None:
            return None
        return mean_area_under_curve(self.scores, self.labels)

    @property
    def f1(self) -> float | None:
        """The mean of the F1 of every class or label (macro F1); None where there is none."""
        if self.scores is None or self.labels is None:
            return None
        return macro_f1(self.scores, self.labels)

    @property
    def metrics(self) -> dict[str, float | None]:
        """The figures that `cnnrun.config.METRICS` has of the task, by name, without the loss."""
        raise NotImplementedError

    @property
    def intervals(self) -> Intervals:
        """The 95% intervals of the figures, over the samples; they take a moment."""
        return Intervals()

    @property
    def per_class(self) -> list[ClassMetrics]:
        """The figures of every class or label, where there are any."""
        return []

    @property
    def confusion_matrix(self) -> Array | None:
        """Counts `(K, K)`, rows true, columns predicted; None without one class an image."""
        return None

    @property
    def samples(self) -> int:
        """How many were measured."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """The most important figures in a line, without the loss."""
        raise NotImplementedError

    @property
    def summary_with_intervals(self) -> str:
        """The same, each with its interval behind it."""
        raise NotImplementedError

    @property
    def table(self) -> Table:
        """The figures one by one, of each class or number."""
        raise NotImplementedError

    def to_dict(self) -> dict[str, Any]:
        """Return what the JSON document says besides what it says of every task."""
        return {}

    def heading(self) -> list[str]:
        """Return what the columns of `rows` are called."""
        raise NotImplementedError

    def rows(self) -> Iterator[list[Any]]:
        """Yield a row for every sample, for the file of predictions."""
        raise NotImplementedError

    def draw(self, path: Callable[[str], Path], title: str) -> list[Path]:
        """Draw the pictures that fit the task; return their files.

        Args:
            path: gives the file of a picture for its name, such as `confusion_matrix`.
            title: stands above them.
        """
        raise NotImplementedError


INTERVALS_SAID = "with 95% intervals"


def class_table(
    title: str, column: str, figures: Sequence[ClassMetrics], intervals: Intervals
) -> Table:
    """Return a table with a row for every class; behind each figure its interval."""
    keys = ("precision", "recall", "f1", "auc")
    rows = [
        [
            entry.name,
            *(_cell(getattr(entry, key), ends[key]) for key in keys),
            entry.support,
        ]
        for entry, ends in zip(figures, intervals.rows, strict=True)
    ]
    columns = [column, "precision", "recall", "F1", "AUC", "support"]
    return Table(f"{title}, {INTERVALS_SAID}", columns, rows)


def _cell(value: float | None, interval: Interval | None) -> str | None:
    """Return a share as a cell that leaves room for others: `0.9231 .87-.96`."""
    if value is None:
        return None
    ends = f" {'-'.join(map(_short, interval))}" if interval else ""
    return f"{value:.4f}{ends}"


def _short(share: float) -> str:
    """Return a share in three characters: `.87`, `1.0`."""
    return f"{share:.2f}".lstrip("0") if share < 0.995 else "1.0"


class Collector(Protocol):
    """Takes a split batch by batch, and gives its figures in the end."""

    def add(self, x: Array, targets: Array, predictions: Array) -> None:
        """Take what a network made of the next samples.

        The arrays are used again when this has returned.

        Args:
            x: `(N, H, W, C)`, normalised.
            targets: as the loss takes them.
            predictions: what the loss calls so.
        """
        ...

    def figures(self) -> Figures:
        """Return the figures of all samples."""
        ...

"""What the figures of every task have in common: a summary, a table, rows of a file, pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Protocol

from cnnrun.engine.types import Array
from cnnrun.runs.measures.metrics import ClassMetrics, mean_area_under_curve

__all__ = ["Collector", "Figures", "Table", "class_table"]


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
    def auc(self) -> float | None:
        """The mean of the AUC of every class or label; None where there is none."""
        if self.scores is None or self.labels is None:
            return None
        return mean_area_under_curve(self.scores, self.labels)

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


def class_table(title: str, column: str, figures: Sequence[ClassMetrics]) -> Table:
    """Return a table with a row for every class."""
    columns = [column, "precision", "recall", "F1", "AUC", "support"]
    return Table(title, columns, [astuple(entry) for entry in figures])


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

"""Runs a network over a whole split and measures it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine import Executor
from cnnrun.engine.types import Array, Shape
from cnnrun.notebook import cell, html_table
from cnnrun.runs.measures import Figures, collector
from cnnrun.runs.measures.metrics import ClassMetrics

__all__ = ["Evaluation", "evaluate", "parts_of", "predict"]

BATCH, BATCH_BYTES = 256, 16 << 20


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The figures of a network on a split.

    Attributes:
        loss: the mean over the split.
        figures: what it came to, in the terms of its task.
        task: `classification`, `multi_label`, `regression` or `image`.
        split: what was measured, `train`, `val` or `test`; None for all of other data.
        data: the file or folder of other data than the network's own, or a data set's name.
        data_identity: these data with all options, which tell them from others of that name.
        files: the name of each image's file within the data set; none where it has no such files.
        data_changed: whether the network's own data are no longer those it was trained on.
        notes: what a reader of the figures should know of the data.
    """

    loss: float
    figures: Figures
    task: str = "classification"
    split: str | None = None
    data: Path | None = None
    data_identity: str = ""
    files: tuple[str, ...] = ()
    data_changed: bool = False
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What was measured, in words: `test split`, `other.npz`, `val split of other.npz`."""
        parts = [f"{self.split} split"] if self.split else []
        return " of ".join(parts + ([self.data.resolve().name] if self.data else []))

    @property
    def samples(self) -> int:
        """The number of samples measured."""
        return self.figures.samples

    @property
    def accuracy(self) -> float | None:
        """The share of right predictions; None where the targets are not labels."""
        return self.figures.accuracy

    @property
    def scores(self) -> Array | None:
        """`(N, K)` probabilities of the classes; None where the targets are not labels."""
        return self.figures.scores

    @property
    def labels(self) -> Array | None:
        """Of each sample: its class `(N,)`, labels or numbers `(N, K)`; None of images."""
        return self.figures.labels

    @property
    def class_names(self) -> tuple[str, ...]:
        """In the order of the labels, or numbers."""
        return self.figures.class_names

    @property
    def mistakes(self) -> tuple[Any, ...]:
        """The worst, the most confident first; none without one class an image."""
        return self.figures.mistakes

    @property
    def auc(self) -> float | None:
        """The mean of every class's AUC against all others; None where it is not defined."""
        return self.figures.auc

    @property
    def per_class(self) -> list[ClassMetrics]:
        """The figures of every class; none when the targets are not labels."""
        return self.figures.per_class

    @property
    def confusion_matrix(self) -> Array | None:
        """Counts `(K, K)`, rows true, columns predicted; None without one label an image."""
        return self.figures.confusion_matrix

    def __repr__(self) -> str:
        return f"<{self._measured}: {self.figures.summary}, loss {self.loss:.4f}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the most important figures, and the table of the others."""
        table = self.figures.table
        rows = [tuple(map(cell, row)) for row in table.rows]
        figures = f"{self.figures.summary_with_intervals}, loss {cell(self.loss)}"
        return html_table(self._measured, figures, table.columns, rows)

    @property
    def _measured(self) -> str:
        count = f"{self.samples:,} sample{'s' * (self.samples != 1)}"
        return ", ".join(part for part in (self.title, count) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, without the scores of single samples, as a JSON document."""
        matrix, intervals = self.confusion_matrix, self.figures.intervals
        rows = [asdict(entry) for entry in self.per_class]
        return {
            "split": self.split,
            "data": str(self.data) if self.data else None,
            "data_changed": self.data_changed,
            "notes": list(self.notes),
            "samples": self.samples,
            "task": self.task,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "auc": self.auc,
            "f1": self.figures.f1,
            **intervals.to_dict(),
            "per_class": [
                {"class": row.pop("name"), **row, **intervals.row(number)}
                for number, row in enumerate(rows)
            ],
            "confusion_matrix": matrix.tolist() if matrix is not None else None,
            **self.figures.to_dict(),
        }


def evaluate(executor: Executor, samples: Samples, class_names: tuple[str, ...]) -> Evaluation:
    """Measure the executor's network on a split, in batches, without augmentation."""
    total, measured = 0.0, collector(samples, class_names)
    for part in parts_of(len(samples), samples.split.images.shape):
        x, targets = samples.batch(np.arange(part.start, part.stop))
        loss, outputs = executor.evaluate(x, targets)
        total += loss * len(x)
        measured.add(x, targets, executor.loss.predictions(outputs))
    with np.errstate(all="ignore"):  # what is not finite is in the result
        figures = measured.figures()
    return Evaluation(total / len(samples), figures, samples.task, files=samples.split.files)


def predict(executor: Executor, x: Array) -> Array:
    """Return what the loss calls predictions of x, `(N, *input_shape)` normalised, in a new array.

    For labels these are probabilities of the classes, `(N, K)`.
    """
    return np.concatenate(
        [
            np.array(executor.loss.predictions(executor.predict(x[part])))
            for part in parts_of(len(x), x.shape)
        ]
    )


def parts_of(samples: int, shape: Shape) -> list[slice]:
    """Return the parts in which so many samples are measured: fewer at once of large images.

    Args:
        samples: how many there are.
        shape: of the images, `(N, H, W, C)`.
    """
    size = max(1, min(BATCH, BATCH_BYTES // (4 * prod(shape[1:]))))
    return [slice(start, min(start + size, samples)) for start in range(0, samples, size)]

"""Runs a network over a whole split and measures it."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine import Executor
from cnnrun.engine.types import Array
from cnnrun.notebook import cell, html_table
from cnnrun.runs.metrics import (
    ClassMetrics,
    accuracy,
    confusion_matrix,
    mean_area_under_curve,
    per_class,
)

__all__ = ["Evaluation", "Mistake", "evaluate", "predict"]

BATCH = 256
MOST_MISTAKES = 24


@dataclass(frozen=True)
class Mistake:
    """A sample that was taken for another class than its own.

    Attributes:
        index: of the sample in its split.
        pixels: `(H, W, C)` in [0, 1].
        true, predicted: class numbers.
        probability: of the predicted class.
    """

    index: int
    pixels: Array
    true: int
    predicted: int
    probability: float


@dataclass(frozen=True, repr=False)
class Evaluation:
    """The figures of a network on a split.

    Attributes:
        loss: the mean over the split.
        accuracy: the share of right predictions; None when the targets are not labels.
        scores: `(N, K)` probabilities of the classes; None when the targets are not labels.
        labels: `(N,)` class numbers, or `(N, K)` zeros and ones, as the split has them.
        class_names: in the order of the labels.
        split: what was measured, `train`, `val` or `test`; None for all of other data.
        data: the file or folder of other data than the network's own.
        files: the name of each image's file within the data set; none where it has no such files.
        data_changed: whether the network's own data are no longer those it was trained on.
        notes: what a reader of the figures should know of the data.
        mistakes: the worst, the most confident first; none where an image has several labels.
    """

    loss: float
    accuracy: float | None
    scores: Array | None
    labels: Array
    class_names: tuple[str, ...]
    split: str | None = None
    data: Path | None = None
    files: tuple[str, ...] = ()
    data_changed: bool = False
    notes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()

    @property
    def title(self) -> str:
        """What was measured, in words: `test split`, `other.npz`, `val split of other.npz`."""
        parts = [f"{self.split} split"] if self.split else []
        return " of ".join(parts + ([self.data.resolve().name] if self.data else []))

    @property
    def samples(self) -> int:
        """The number of samples measured."""
        return len(self.labels)

    @property
    def auc(self) -> float | None:
        """The mean of every class's AUC against all others; None where it is not defined."""
        return None if self.scores is None else mean_area_under_curve(self.scores, self.labels)

    @property
    def per_class(self) -> list[ClassMetrics]:
        """The figures of every class; none when the targets are not labels."""
        if self.scores is None:
            return []
        return per_class(self.scores, self.labels, self.class_names)

    @property
    def confusion_matrix(self) -> Array | None:
        """Counts `(K, K)`, rows true, columns predicted; None without one label an image."""
        if self.scores is None or self.labels.ndim != 1:
            return None
        return confusion_matrix(self.scores.argmax(axis=1), self.labels, len(self.class_names))

    def __repr__(self) -> str:
        accuracy = "" if self.accuracy is None else f"accuracy {self.accuracy:.2%}, "
        return f"<{self._measured}: {accuracy}loss {self.loss:.4f}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the accuracy and loss, and a line for each class."""
        columns = ("class", "precision", "recall", "F1", "AUC", "support")
        rows = [tuple(map(cell, astuple(entry))) for entry in self.per_class]
        figures = f"accuracy {cell(self.accuracy)}, loss {cell(self.loss)}"
        return html_table(self._measured, figures, columns if rows else (), rows)

    @property
    def _measured(self) -> str:
        count = f"{self.samples:,} sample{'s' * (self.samples != 1)}"
        return ", ".join(part for part in (self.title, count) if part)

    def to_dict(self) -> dict[str, Any]:
        """Return all figures, without the scores of single samples, as a JSON document."""
        matrix = self.confusion_matrix
        rows = [asdict(entry) for entry in self.per_class]
        return {
            "split": self.split,
            "data": str(self.data) if self.data else None,
            "data_changed": self.data_changed,
            "notes": list(self.notes),
            "samples": self.samples,
            "loss": self.loss,
            "accuracy": self.accuracy,
            "auc": self.auc,
            "per_class": [{"class": row.pop("name"), **row} for row in rows],
            "confusion_matrix": matrix.tolist() if matrix is not None else None,
        }


def evaluate(executor: Executor, samples: Samples, class_names: tuple[str, ...]) -> Evaluation:
    """Measure the executor's network on a split, in batches, without augmentation."""
    total, scores = 0.0, []
    for part in _parts(len(samples)):
        x, targets = samples.batch(np.arange(part.start, part.stop))
        loss, outputs = executor.evaluate(x, targets)
        total += loss * len(x)
        if not samples.inputs_are_targets:
            scores.append(_class_scores(executor, outputs))
    loss, labels, files = total / len(samples), np.array(samples.labels), samples.split.files
    if samples.inputs_are_targets:
        return Evaluation(loss, None, None, labels, class_names, files=files)
    joined = np.concatenate(scores)
    mistakes = _worst_mistakes(joined, samples)
    figures = (loss, accuracy(joined, labels), joined, labels, class_names)
    return Evaluation(*figures, files=files, mistakes=mistakes)


def predict(executor: Executor, x: Array) -> Array:
    """Return what the loss calls predictions of x, `(N, *input_shape)` normalised, in a new array.

    For labels these are probabilities of the classes, `(N, K)`.
    """
    return np.concatenate(
        [_class_scores(executor, executor.predict(x[part])) for part in _parts(len(x))]
    )


def _worst_mistakes(scores: Array, samples: Samples) -> tuple[Mistake, ...]:
    """Return the wrong predictions of the highest probability."""
    if samples.labels.ndim != 1:
        return ()
    predicted = scores.argmax(axis=1)
    confidence = scores.max(axis=1)
    wrong = np.flatnonzero(predicted != samples.labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    return tuple(
        Mistake(
            int(index),
            np.asarray(samples.split.images[index] / samples.split.maximum, np.float32),
            int(samples.labels[index]),
            int(predicted[index]),
            float(confidence[index]),
        )
        for index in worst
    )


def _parts(samples: int) -> list[slice]:
    return [slice(start, min(start + BATCH, samples)) for start in range(0, samples, BATCH)]


def _class_scores(executor: Executor, outputs: Array) -> Array:
    """Return a copy of the outputs as what the loss calls predictions."""
    return np.array(executor.loss.predictions(outputs))

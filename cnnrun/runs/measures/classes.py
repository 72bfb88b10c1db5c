"""Figures of networks that say to which class an image belongs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine.types import Array
from cnnrun.runs.measures.base import Figures, Table, class_table
from cnnrun.runs.measures.intervals import Intervals, class_intervals, percent, with_ends
from cnnrun.runs.measures.metrics import (
    ClassMetrics,
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    per_class,
)
from cnnrun.runs.plots import plot_confusion, plot_mistakes
from cnnrun.statistics import wilson_interval

__all__ = ["ClassFigures", "Mistake", "class_figures"]

MOST_MISTAKES = 24
IMBALANCE = 1.5
"""From this ratio of the largest class to the smallest on, accuracy is not said alone."""


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
class ClassFigures(Figures):
    """What came of a classification.

    Attributes:
        scores: `(N, K)` probabilities of the classes.
        labels: `(N,)` class numbers.
        class_names: in the order of the labels.
        mistakes: the worst, the most confident first.
    """

    scores: Array
    labels: Array
    class_names: tuple[str, ...]
    mistakes: tuple[Mistake, ...] = ()

    @property
    def accuracy(self) -> float:
        """The share of right predictions."""
        return accuracy(self.scores, self.labels)

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Of each sample its class, and the class of the highest probability."""
        pairs = zip(self.labels.tolist(), self.scores.argmax(axis=1).tolist(), strict=True)
        return [(self.class_names[true], self.class_names[said]) for true, said in pairs]

    @property
    def balanced_accuracy(self) -> float:
        """The mean of every class's recall."""
        return balanced_accuracy(self.scores, self.labels)

    @property
    def metrics(self) -> dict[str, float | None]:
        """What an epoch is chosen by."""
        return {
            "accuracy": self.accuracy,
            "balanced_accuracy": self.balanced_accuracy,
            "f1": self.f1,
            "auc": self.auc,
        }

    @cached_property
    def intervals(self) -> Intervals:
        """Of the metrics, and of the figures of every class."""
        classes = np.arange(len(self.class_names))
        predicted, true = self.scores.argmax(axis=1), self.labels
        parts = class_intervals(
            self.scores, predicted[:, None] == classes, true[:, None] == classes
        )
        right = wilson_interval(int((predicted == true).sum()), len(true))
        means = dict(parts.overall)
        balanced = means.pop("recall")
        overall = {"accuracy": right, "balanced_accuracy": balanced, **means}
        return replace(parts, overall=overall)

    @property
    def per_class(self) -> list[ClassMetrics]:
        """The figures of every class against all others."""
        return per_class(self.scores, self.labels, self.class_names)

    def to_dict(self) -> dict[str, Any]:
        """Return the balanced accuracy; the rest is said of every task."""
        return {"balanced_accuracy": self.balanced_accuracy}

    @property
    def confusion_matrix(self) -> Array:
        """Counts `(K, K)`, rows true, columns predicted."""
        return confusion_matrix(self.scores.argmax(axis=1), self.labels, len(self.class_names))

    @property
    def samples(self) -> int:
        """How many were measured."""
        return len(self.labels)

    @property
    def summary(self) -> str:
        """The accuracy."""
        return f"accuracy {self.accuracy:.2%}"

    @property
    def summary_with_intervals(self) -> str:
        """The accuracy, mean F1 and AUC; of classes of other sizes also the balanced accuracy."""
        ends, f1, auc = self.intervals.overall, self.f1, self.auc
        parts = [f"accuracy {with_ends(f'{self.accuracy:.2%}', ends['accuracy'], percent)}"]
        support = np.bincount(self.labels, minlength=len(self.class_names))
        if support.max() > IMBALANCE * support.min():
            balanced = with_ends(
                f"{self.balanced_accuracy:.2%}", ends["balanced_accuracy"], percent
            )
            parts.append(f"balanced accuracy {balanced}")
        parts += [f"F1 {with_ends(f'{f1:.4f}', ends['f1'])}"] if f1 is not None else []
        parts += [f"AUC {with_ends(f'{auc:.4f}', ends['auc'])}"] if auc is not None else []
        return ", ".join(parts)

    @property
    def table(self) -> Table:
        """A row for every class."""
        return class_table("per class", "class", self.per_class, self.intervals)

    def heading(self) -> list[str]:
        """Return the columns: the true and the predicted class, and every probability."""
        return ["true", "predicted", *(f"p_{name}" for name in self.class_names)]

    def rows(self) -> Iterator[list[Any]]:
        """Yield a row for every sample."""
        for answer, scores in zip(self.answers, self.scores, strict=True):
            yield [*answer, *(f"{score:.6g}" for score in scores)]

    def draw(self, path: Callable[[str], Path], title: str) -> list[Path]:
        """Draw the confusion matrix, and the worst mistakes if there are any."""
        matrix, picture, gallery = self.confusion_matrix, path("confusion_matrix"), path("mistakes")
        plot_confusion(matrix, self.class_names, title, picture)
        if not self.mistakes:
            gallery.unlink(missing_ok=True)  # of an earlier evaluation
            return [picture]
        shown, wrong = len(self.mistakes), int(matrix.sum() - matrix.trace())
        which = f"all {wrong}" if shown == wrong else f"the worst {shown} of {wrong:,}"
        title = f"{title}: {which} mistakes, the most confident first"
        plot_mistakes(self.mistakes, self.class_names, title, gallery)
        return [picture, gallery]


def class_figures(scores: Array, samples: Samples, class_names: tuple[str, ...]) -> ClassFigures:
    """Return the figures of scores `(N, K)`, with the wrong predictions of the most confidence."""
    labels = np.array(samples.labels)
    predicted, confidence = scores.argmax(axis=1), scores.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    mistakes = tuple(
        Mistake(
            int(index),
            samples.split.pixel_range.scaled(samples.split.images[index]),
            int(labels[index]),
            int(predicted[index]),
            float(confidence[index]),
        )
        for index in worst
    )
    return ClassFigures(scores, labels, class_names, mistakes)

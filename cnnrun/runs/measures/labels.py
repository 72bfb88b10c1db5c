"""Figures of networks that say which of several labels an image has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cnnrun.engine.types import Array
from cnnrun.runs.measures.base import Figures, Table, class_table
from cnnrun.runs.measures.intervals import (
    Intervals,
    class_intervals,
    mean_intervals,
    percent,
    with_ends,
)
from cnnrun.runs.measures.metrics import (
    ClassMetrics,
    accuracy,
    exact_matches,
    per_class,
)
from cnnrun.runs.measures.pictures import plot_labels
from cnnrun.statistics import wilson_interval

__all__ = ["LabelFigures"]


@dataclass(frozen=True, repr=False)
class LabelFigures(Figures):
    """What came of several labels an image; a label is said where its probability is above 0.5.

    Attributes:
        scores: `(N, K)` probabilities of the labels.
        labels: `(N, K)` zeros and ones.
        class_names: what the labels are called.
    """

    scores: Array
    labels: Array
    class_names: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        """The share of labels that are right, over all labels of all images."""
        return accuracy(self.scores, self.labels)

    @property
    def exact_match(self) -> float:
        """The share of images of which every label is right."""
        return exact_matches(self.scores, self.labels)

    @property
    def answers(self) -> list[tuple[str, str]]:
        """Of each sample its labels, and those that were said, with `|` between them."""
        pairs = zip(self.labels, self.scores, strict=True)
        return [(self._listed(labels), self._listed(scores)) for labels, scores in pairs]

    @property
    def metrics(self) -> dict[str, float | None]:
        """What an epoch is chosen by."""
        return {
            "accuracy": self.accuracy,
            "f1": self.f1,
            "auc": self.auc,
            "exact_match": self.exact_match,
        }

    @cached_property
    def intervals(self) -> Intervals:
        """Of the figures of all labels, and of every label's."""
        said, true = self.scores > 0.5, self.labels > 0.5
        parts = class_intervals(self.scores, said, true)
        right = said == true
        means = {key: parts.overall[key] for key in ("f1", "auc")}
        overall = {
            **mean_intervals({"accuracy": right.mean(axis=1)}).overall,
            "exact_match": wilson_interval(int(right.all(axis=1).sum()), len(right)),
            **means,
        }
        return replace(parts, overall=overall)

    @property
    def per_class(self) -> list[ClassMetrics]:
        """The figures of every label."""
        return per_class(self.scores, self.labels, self.class_names)

    @property
    def samples(self) -> int:
        """How many were measured."""
        return len(self.labels)

    @property
    def summary(self) -> str:
        """The mean AUC, the labels that are right, and the images of which all are."""
        auc = self.auc
        mean = "" if auc is None else f"mean AUC {auc:.4f}, "
        return f"{mean}accuracy of labels {self.accuracy:.2%}, exact match {self.exact_match:.2%}"

    @property
    def summary_with_intervals(self) -> str:
        """The same, with the mean F1."""
        ends, f1, auc = self.intervals.overall, self.f1, self.auc
        parts = [f"mean AUC {with_ends(f'{auc:.4f}', ends['auc'])}"] if auc is not None else []
        parts += [f"F1 {with_ends(f'{f1:.4f}', ends['f1'])}"] if f1 is not None else []
        for words, key, share in (
            ("accuracy of labels", "accuracy", self.accuracy),
            ("exact match", "exact_match", self.exact_match),
        ):
            parts.append(f"{words} {with_ends(f'{share:.2%}', ends[key], percent)}")
        return ", ".join(parts)

    @property
    def table(self) -> Table:
        """A row for every label."""
        return class_table("per label", "label", self.per_class, self.intervals)

    def to_dict(self) -> dict[str, Any]:
        """Return the share of exact matches; the rest is said of every task."""
        return {"exact_match": self.exact_match}

    def heading(self) -> list[str]:
        """Return the columns: the true and the predicted labels, and every probability."""
        return ["true", "predicted", *(f"p_{name}" for name in self.class_names)]

    def rows(self) -> Iterator[list[Any]]:
        """Yield a row for every sample."""
        for answer, scores in zip(self.answers, self.scores, strict=True):
            yield [*answer, *(f"{score:.6g}" for score in scores)]

    def draw(self, path: Callable[[str], Path], title: str) -> list[Path]:
        """Draw the ROC curve of every label, with its precision and recall."""
        picture = path("labels")
        plot_labels(self.scores, self.labels > 0.5, self.per_class, title, picture)
        return [picture]

    def _listed(self, values: Array) -> str:
        pairs = zip(self.class_names, values, strict=True)
        return "|".join(name for name, value in pairs if value > 0.5)

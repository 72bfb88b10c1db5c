"""Chooses how a split is measured, by its task."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine.types import Array
from cnnrun.runs.measures.base import Collector, Figures
from cnnrun.runs.measures.classes import class_figures
from cnnrun.runs.measures.images import ImageCollector
from cnnrun.runs.measures.labels import LabelFigures
from cnnrun.runs.measures.numbers import NumberFigures

__all__ = ["collector"]


def collector(samples: Samples, class_names: tuple[str, ...]) -> Collector:
    """Return what measures such samples; `class_names` also name the numbers of a regression."""
    labels = samples.labels
    if samples.task == "image":
        return ImageCollector(samples)
    if samples.task == "regression":
        return _Joined(lambda outputs: NumberFigures(outputs, np.array(labels), class_names))
    if labels.ndim == 2:
        return _Joined(lambda scores: LabelFigures(scores, np.array(labels), class_names))
    return _Joined(lambda scores: class_figures(scores, samples, class_names))


class _Joined:
    """Joins the predictions of all batches, which are few numbers a sample."""

    def __init__(self, measure: Callable[[Array], Figures]) -> None:
        self._measure = measure
        self._parts: list[Array] = []

    def add(self, x: Array, targets: Array, predictions: Array) -> None:
        """Keep a copy of the predictions."""
        self._parts.append(np.array(predictions))

    def figures(self) -> Figures:
        """Measure them."""
        return self._measure(np.concatenate(self._parts))

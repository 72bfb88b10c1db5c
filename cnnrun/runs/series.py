"""The figures of a run's epochs as columns of numbers, from which its learning curves are drawn."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["marked", "read_series"]

DRAWN = ("epoch", "train_loss", "val_loss", "train_accuracy", "val_accuracy")
MOST_MARKERS = 200
"""A curve of more points is drawn as a line alone: its markers would be one thick band."""


def read_series(epochs: Iterable[dict[str, Any]]) -> dict[str, Array]:
    """Return by name the figures that are drawn, a value an epoch, nan where there is none.

    A hundred thousand epochs take 4 MB so, and 90 MB as dictionaries.
    """
    columns = {name: array("d") for name in DRAWN}
    for line in epochs:
        for name, column in columns.items():
            value = line[name]
            column.append(np.nan if value is None else value)
    return {name: np.asarray(column) for name, column in columns.items()}


def marked(points: Array, marker: str) -> str:
    """Return the marker of a curve of these points, or that it has none."""
    return marker if len(points) <= MOST_MARKERS else "None"

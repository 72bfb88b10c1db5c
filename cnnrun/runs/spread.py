"""A figure over the runs of a group: its mean, how far one seed lies from it, and its interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from cnnrun.statistics import Interval, mean_interval

__all__ = ["FIGURES", "Spread"]

FIGURES: dict[str, Interval] = {"accuracy": (0, 1), "loss": (-math.inf, math.inf)}
"""Of the best weights on the test split, and between which numbers each lies."""


@dataclass(frozen=True)
class Spread:
    """A figure over the runs of a group.

    Attributes:
        values: by seed; only of runs that are finished.
        bounds: between which it lies.
    """

    values: Mapping[int, float]
    bounds: Interval = (-math.inf, math.inf)

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.values.values())

    @property
    def std(self) -> float | None:
        """The standard deviation of one seed's figure; None of a single one."""
        return stdev(self.values.values()) if len(self.values) > 1 else None

    @property
    def interval(self) -> Interval | None:
        """The 95% interval of the mean (Student's t); None of a single figure."""
        return mean_interval(list(self.values.values()), self.bounds)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as a JSON document."""
        return {
            "mean": self.mean,
            "std": self.std,
            "interval": list(self.interval) if self.interval else None,
        }

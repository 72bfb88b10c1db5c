"""Figures of networks that say numbers of an image: a regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.runs.measures.base import INTERVALS_SAID, Figures, Table
from cnnrun.runs.measures.intervals import Intervals, number_intervals, with_ends
from cnnrun.runs.measures.pictures import plot_numbers
from cnnrun.statistics import Interval

__all__ = ["NumberFigures", "TargetFigures"]


@dataclass(frozen=True)
class TargetFigures:
    """How far predictions of one number lie from the truth.

    Attributes:
        name: what the number is.
        mae: the mean of the absolute errors.
        rmse: the root of the mean of the squared errors.
        r2: the coefficient of determination: 1 less the squared errors' share of the targets'
            own squared deviations from their mean, so that 0 is as good as that mean; None where
            the target is constant. Source: Draper & Smith, Applied Regression Analysis, ch. 1.
    """

    name: str
    mae: float
    rmse: float
    r2: float | None


@dataclass(frozen=True, repr=False)
class NumberFigures(Figures):
    """What came of a regression.

    Attributes:
        predictions, labels: `(N, K)`, the numbers that were said, and the true ones.
        class_names: what the numbers are.
    """

    predictions: Array
    labels: Array
    class_names: tuple[str, ...]

    @property
    def per_target(self) -> list[TargetFigures]:
        """The figures of every number."""
        truths, said = self.labels.astype(np.float64), self.predictions.astype(np.float64)
        columns = zip(self.class_names, truths.T, said.T, strict=True)
        return [_measured(name, true, predicted) for name, true, predicted in columns]

    @property
    def mean(self) -> TargetFigures:
        """The means of the numbers' figures; of R2 where it is defined."""
        every = self.per_target
        determined = [figures.r2 for figures in every if figures.r2 is not None]
        return TargetFigures(
            "mean",
            float(np.mean([figures.mae for figures in every])),
            float(np.mean([figures.rmse for figures in every])),
            float(np.mean(determined)) if determined else None,
        )

    @property
    def mse(self) -> float:
        """The mean of the squared errors of all numbers."""
        return float(np.mean((self.predictions.astype(np.float64) - self.labels) ** 2))

    @property
    def metrics(self) -> dict[str, float | None]:
        """What an epoch is chosen by."""
        mean = self.mean
        return {"mae": mean.mae, "mse": self.mse, "rmse": mean.rmse, "r2": mean.r2}

    @cached_property
    def intervals(self) -> Intervals:
        """Of the figures of every number, and of their means."""
        return number_intervals(self.labels, self.predictions)

    @property
    def samples(self) -> int:
        """How many were measured."""
        return len(self.labels)

    @property
    def summary(self) -> str:
        """The mean of every figure."""
        mean = self.mean
        r2 = "" if mean.r2 is None else f", R2 {mean.r2:.4f}"
        return f"MAE {_digits(mean.mae, 4)}, RMSE {_digits(mean.rmse, 4)}{r2}"

    @property
    def summary_with_intervals(self) -> str:
        """The mean of every figure."""
        mae, rmse, r2 = _shown(self.mean, self.intervals.overall)
        return f"MAE {mae}, RMSE {rmse}" + (f", R2 {r2}" if r2 else "")

    @property
    def table(self) -> Table:
        """A row for every number, and one for their means if there are several."""
        intervals = self.intervals
        every = list(zip(self.per_target, intervals.rows, strict=True))
        every += [(self.mean, intervals.overall)] if len(every) > 1 else []
        rows = [[figures.name, *_shown(figures, ends)] for figures, ends in every]
        return Table(f"per target, {INTERVALS_SAID}", ["target", "MAE", "RMSE", "R2"], rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures of every number, and their means."""
        mean = asdict(self.mean)
        del mean["name"]
        rows = [
            {**asdict(figures), **self.intervals.row(number)}
            for number, figures in enumerate(self.per_target)
        ]
        return {
            **mean,
            "mse": self.mse,
            "per_target": [{"target": row.pop("name"), **row} for row in rows],
        }

    def heading(self) -> list[str]:
        """Return the columns: every number as it is, and as it was predicted."""
        return [f"{kind}_{name}" for name in self.class_names for kind in ("true", "predicted")]

    def rows(self) -> Iterator[list[Any]]:
        """Yield a row for every sample."""
        for true, predicted in zip(self.labels, self.predictions, strict=True):
            yield [f"{value:.6g}" for pair in zip(true, predicted, strict=True) for value in pair]

    def draw(self, path: Callable[[str], Path], title: str) -> list[Path]:
        """Draw every number as predicted against the true one, and its errors."""
        picture = path("numbers")
        plot_numbers(self.labels, self.predictions, self.class_names, title, picture)
        return [picture]


def _shown(
    figures: TargetFigures, ends: Mapping[str, Interval | None]
) -> tuple[str, str, str | None]:
    """Return MAE, RMSE and R2 with their intervals; R2 where it is defined."""
    mae, rmse = (
        with_ends(_digits(getattr(figures, key), 4), ends[key], lambda end: _digits(end, 3))
        for key in ("mae", "rmse")
    )
    return mae, rmse, None if figures.r2 is None else with_ends(f"{figures.r2:.4f}", ends["r2"])


def _digits(value: float, count: int) -> str:
    """Return a number with so many digits, zeros at its end too: `0.6540` stands above `0.6471`."""
    size = math.floor(math.log10(abs(value))) if value else 0
    if not -5 < size < 7:
        return f"{value:.{count - 1}e}"
    return f"{value:,.{max(0, count - 1 - size)}f}"


def _measured(name: str, true: Array, predicted: Array) -> TargetFigures:
    errors = predicted - true
    squares = float(np.mean(errors**2))
    spread = float(np.mean((true - true.mean()) ** 2))
    is_constant = bool((true == true[0]).all())
    r2 = None if is_constant else 1 - squares / spread
    return TargetFigures(name, float(np.mean(np.abs(errors))), math.sqrt(squares), r2)

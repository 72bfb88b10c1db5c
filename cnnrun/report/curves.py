"""Charts over the epochs: every figure of the log, the best epoch marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnrun.report.scales import evenly, number, scale_for
from cnnrun.report.svg import SERIES, Chart, Picture

__all__ = ["curve_charts", "overlaid_charts", "thinned"]

Lines = Sequence[dict[str, Any]]
SPLITS = {"train": "training", "val": "validation"}
ALONE = {"learning_rate": "learning rate", "grad_norm": "norm of the gradient"}
FIRST = ("loss", "accuracy")
SHORT = ("auc", "f1", "mse", "mae", "psnr")
"""Names that are written in capitals."""
MOST_EPOCHS = 600
MOST_DOTS = 60
"""Epochs that are drawn as points; more would be a thick line."""


def figures_of(lines: Lines) -> list[str]:
    """Return what the lines of a log measure on a split: `loss`, `accuracy`, ..."""
    keys = {key for line in lines for key, value in line.items() if _is_number(value)}
    kinds = {
        key.removeprefix(f"{split}_")
        for key in keys
        for split in SPLITS
        if key.startswith(f"{split}_")
    }
    return [*(kind for kind in FIRST if kind in kinds), *sorted(kinds - set(FIRST))]


def curve_charts(lines: Lines, best: int | None) -> list[Picture]:
    """Return a chart for each figure of the log; none of a log without a line."""
    if not lines:
        return []
    charts = [
        _chart(
            f"{_words(kind)} over the epochs",
            {words: _points(lines, f"{split}_{kind}") for split, words in SPLITS.items()},
            best,
            _words(kind),
        )
        for kind in figures_of(lines)
    ]
    alone = [
        _chart(f"{words} over the epochs", {words: _points(lines, key)}, best, words)
        for key, words in ALONE.items()
    ]
    return [chart for chart in (*charts, *alone) if chart is not None]


def thinned(lines: Lines, best: int | None) -> Lines:
    """Return as many epochs as can be told apart, the best and the last among them."""
    if len(lines) <= MOST_EPOCHS:
        return lines
    kept = {*evenly(len(lines), MOST_EPOCHS)}
    return [line for place, line in enumerate(lines) if place in kept or line["epoch"] == best]


def overlaid_charts(logs: dict[str, Lines]) -> list[Picture]:
    """Return a chart for each figure on validation data, with a line for every run."""
    kinds = figures_of([line for lines in logs.values() for line in lines])
    charts = []
    for kind in kinds:
        series = {}
        for name, lines in logs.items():
            points = _points(lines, f"val_{kind}") or _points(lines, f"train_{kind}")
            series[name] = points
        title = f"validation {_words(kind)} of every run"
        charts.append(_chart(title, series, None, _words(kind)))
    return [chart for chart in charts if chart is not None]


def _chart(
    title: str, series: dict[str, list[tuple[float, float]]], best: int | None, label: str
) -> Picture | None:
    """Return a chart of lines over the epochs; None where there is nothing to draw."""
    colours = {name: place for place, name in enumerate(series)}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    epochs = sorted({epoch for points in series.values() for epoch, _ in points})
    y = scale_for(value for points in series.values() for _, value in points)
    names = ("epoch", label + (", logarithmic" if y.log else ""))
    chart = Chart(title, scale_for(epochs, integer=True, log=False), y, names)
    chart.ticks()
    if best is not None:
        chart.upright(best, "best", f"best: epoch {best}")
    for name, points in series.items():
        place = colours[name]
        kind = f"s{place % SERIES}" + (" dashed" if place >= SERIES else "")
        chart.line(points, kind, name, dots=len(points) <= MOST_DOTS)
    by_epoch = {name: dict(points) for name, points in series.items()}
    width = (epochs[-1] - epochs[0]) / max(1, len(epochs) - 1) or 1.0
    for epoch in epochs:
        said = ", ".join(
            f"{name} {number(known[epoch])}" for name, known in by_epoch.items() if epoch in known
        )
        chart.band(epoch, min(width, 1.0), f"epoch {number(epoch)}: {said}")
    if len(epochs) == 1:
        ends = ", ".join(f"{name} {number(points[0][1])}" for name, points in series.items())
        return chart.finish(f"{ends}; epoch {number(epochs[0])}")
    ends = ", ".join(
        f"{name} from {number(points[0][1])} to {number(points[-1][1])}"
        for name, points in series.items()
    )
    return chart.finish(f"{ends}; epochs {number(epochs[0])} to {number(epochs[-1])}")


def _words(kind: str) -> str:
    return kind.upper() if kind in SHORT else kind.replace("_", " ")


def _points(lines: Lines, key: str) -> list[tuple[float, float]]:
    return [(line["epoch"], line[key]) for line in lines if _is_number(line.get(key))]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

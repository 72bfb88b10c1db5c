"""Charts of numbers: predicted against true ones, histograms, and heat maps of layers over time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.report.scales import Scale, evenly, number, scale_for
from cnnrun.report.svg import BELOW, TOP, Chart, Picture, shortened

__all__ = ["MOST_COLUMNS", "heat_maps", "histogram", "scatter_chart"]

MOST_DOTS = 800
BINS = 24
FIGURES = {
    "gradient_norm": ("norm of the gradient", True),
    "update_to_weight": ("update over weight", True),
    "weight_norm": ("norm of the weights", True),
    "dead": ("share of dead units", False),
}
"""Of `layers.jsonl`: what a figure is called, and whether its colours follow its logarithm."""
MOST_COLUMNS = 120
"""Steps that a heat map has room for."""
ROW = 18


def scatter_chart(true: Array, predicted: Array, name: str) -> Picture:
    """Return the predictions of a number over its true values, `(N,)` each, with the diagonal."""
    axis = scale_for([*true.tolist(), *predicted.tolist()], log=False)
    chart = Chart(f"{name}: predicted over true", axis, axis, (f"true {name}", "predicted"))
    chart.ticks((5, 5))
    chart.line([(axis.low, axis.low), (axis.high, axis.high)], "chance", "no error", dots=False)
    for index in evenly(len(true), MOST_DOTS):
        x, y = float(true[index]), float(predicted[index])
        chart.dot((x, y), "s0 pale", f"sample {index}: true {number(x)}, predicted {number(y)}")
    left = f"; {MOST_DOTS} of them drawn" if len(true) > MOST_DOTS else ""
    return chart.finish(
        f"{len(true):,} samples from {number(axis.low)} to {number(axis.high)}{left}"
    )


def histogram(values: Array, title: str, label: str) -> Picture:
    """Return how often values `(N,)` lie where; what is not finite is left out."""
    values = values[np.isfinite(values)]
    counts, edges = np.histogram(values, min(BINS, max(1, len(values) // 4)))
    x = Scale(float(edges[0]), float(edges[-1]))
    chart = Chart(title, x, scale_for(counts.tolist(), zero=True), (label, "samples"))
    chart.ticks()
    for count, low, high in zip(counts.tolist(), edges[:-1], edges[1:], strict=True):
        tip = f"{number(float(low))} to {number(float(high))}: {count:,} samples"
        if count:
            chart.box((float(low), 0), (float(high), count), "s0 bar", tip)
    ends = f"from {number(x.low)} to {number(x.high)}"
    return chart.finish(f"{len(values):,} values {ends}, median {number(float(np.median(values)))}")


def heat_maps(lines: Sequence[dict[str, Any]]) -> list[Picture]:
    """Return a heat map for each figure of `layers.jsonl`: layers down, measurements across."""
    return [chart for key in FIGURES if (chart := _heat_map(lines, key)) is not None]


def _heat_map(lines: Sequence[dict[str, Any]], key: str) -> Picture | None:
    words, log = FIGURES[key]
    rows: dict[str, list[tuple[int, float]]] = {}
    for column, line in enumerate(lines):
        for layer in line["layers"]:
            value = layer.get(key)
            if isinstance(value, int | float) and math.isfinite(value):
                rows.setdefault(layer["layer"], []).append((column, float(value)))
    values = [value for row in rows.values() for _, value in row]
    if not values:
        return None
    positive = [value for value in values if value > 0]
    low, high = (min(positive, default=1), max(positive, default=1)) if log else (0.0, 1.0)
    shade = Scale(low, high, log=log) if high > low else None
    left = max(54.0, 6.6 * max(len(shortened(name, 20)) for name in rows) + 12)
    columns = len(lines)
    chart = Chart(
        f"{words} of every layer", Scale(0, columns), Scale(-len(rows), 0), ("epoch", ""),
        left=left, height=TOP + ROW * len(rows) + BELOW,
    )  # fmt: skip
    for place, (name, row) in enumerate(rows.items()):
        for column, value in row:
            part = min(1.0, shade.part(value)) if shade and (value > 0 or not log) else 0.0
            line = lines[column]
            tip = f"{name}, epoch {line['epoch']}, step {line['step']}: {number(value)}"
            strength = 0.08 + 0.9 * part
            chart.box((column, -place - 1), (column + 1, -place), "s0 heat", tip, strength)
        chart.name_row(-place - 0.5, shortened(name, 20))
    for column in range(0, columns, max(1, -(-columns // 8))):
        chart.name_column(column + 0.5, number(lines[column]["epoch"]), turned=False)
    chart.outline()
    ends = f"pale {number(low)}, dark {number(high)}" + (", logarithmic" if log else "")
    return chart.finish(f"{ends}; {len(rows)} layers, {columns} measurements")

"""Charts of classes and labels: confusions, ROC, precision and recall, calibration, balance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.report.calibration import Calibration, precision_recall_curve
from cnnrun.report.scales import Scale, evenly, scale_for
from cnnrun.report.svg import BELOW, SERIES, TOP, Chart, Picture, listed, shortened
from cnnrun.runs.measures.metrics import ClassMetrics, roc_curve
from cnnrun.statistics import wilson_interval

__all__ = ["MOST_NAMED", "balance_chart", "confusion_chart", "curve_pair", "reliability_chart"]

MOST_NAMED = 30
"""A confusion matrix of more classes is drawn without names and counts."""
MOST_ROWS = 40
"""Classes whose counts are bars in rows, with their names."""
MOST_COLOURED = 6
"""Of many curves, those that have a colour and a name; the others are grey."""
MOST_POINTS = 120
MOST_MARKS = 2000
STRONG = 0.6
"""A cell of more colour has its count in the colour of the paper."""
UNIT = Scale(0.0, 1.0)


def confusion_chart(matrix: Array, names: Sequence[str]) -> Picture:
    """Return a confusion matrix `(K, K)`: rows true, columns predicted, zero blank.

    The shade is the share of the row, from a strength that is seen, so that one of a hundred is.
    """
    count, named = len(names), len(names) <= MOST_NAMED
    cell = float(
        max(24, 334 // count if count > 3 else 200 // count) if named else max(4, 600 // count)
    )
    short = [shortened(name, 16) for name in names]
    longest = max(map(len, short)) * 6.6 if named else 30
    turned = longest > cell
    left = max(54.0, longest + 26)
    width, height = left + 12 + count * cell, TOP + count * cell + BELOW
    height += longest if turned and named else 0
    x, y = Scale(0, count), Scale(-count, 0)
    chart = Chart(
        "confusion matrix", x, y, ("", "rows true, columns predicted"),
        width=width, height=height, left=left,
    )  # fmt: skip
    chart.set_bottom(TOP + count * cell)
    shares = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    cells = np.argwhere(matrix)
    order = np.argsort(-matrix[tuple(cells.T)], kind="stable")
    for place, (row, column) in enumerate(cells[order]):
        number, share = int(matrix[row, column]), float(shares[row, column])
        kind = "right" if row == column else "wrong"
        taken = "right" if row == column else f"taken for {names[column]}"
        tip = f"{number:,} of {names[row]} ({share:.1%}) {taken}" if place < MOST_MARKS else ""
        corner = (column, -row - 1.0)
        strength = 0.16 + 0.74 * share**0.5
        chart.box(corner, (column + 1, -row), f"cell {kind}", tip, strength)
        if named:
            words = f"{number}" if number < 1000 else f"{number / 1000:.3g}k"
            strong = " strong" if strength > STRONG else ""
            chart.text(column + 0.5, -row - 0.5, words, f"count{strong}")
    step = 1 if named else max(1, count // 10)
    for number in range(0, count, step):
        chart.name_row(-number - 0.5, short[number] if named else str(number))
        chart.name_column(number + 0.5, short[number] if named else str(number), turned and named)
    chart.outline()
    right, total = int(matrix.trace()), int(matrix.sum())
    return chart.finish(f"{right:,} of {total:,} samples are right; {_worst(matrix, names)}")


def _worst(matrix: Array, names: Sequence[str]) -> str:
    wrong = matrix - np.diag(np.diag(matrix))
    if not wrong.any():
        return "no class is taken for another"
    row, column = divmod(int(wrong.argmax()), len(names))
    often = int(wrong[row, column])
    return f"most often {names[row]} is taken for {names[column]} ({often:,})"


def curve_pair(
    scores: Array, true: Array, figures: Sequence[ClassMetrics], numbers: dict[str, Any]
) -> list[Picture]:
    """Return the ROC curves and those of precision over recall, of each class against all others.

    Args:
        scores: `(N, K)`.
        true: `(N, K)` booleans.
        figures: of the classes; those without an AUC have no curve.
        numbers: takes the points of the curves, by class.
    """
    known = [number for number, entry in enumerate(figures) if entry.auc is not None]
    if not known:
        return []
    by_area = sorted(known, key=lambda number: figures[number].auc or 0)
    coloured = sorted(known if len(known) <= SERIES else by_area[:MOST_COLOURED])
    grey = [number for number in known if number not in coloured]
    roc = Chart("ROC curves", UNIT, UNIT, ("share of false alarms", "recall"))
    recall = Chart("precision over recall", UNIT, UNIT, ("recall", "precision"))
    for chart in (roc, recall):
        chart.ticks()
    roc.line([(0, 0), (1, 1)], "chance", dots=False)
    for number in (*grey, *coloured):
        name = figures[number].name
        kind = f"s{coloured.index(number)}" if number in coloured else "others"
        label = f"{shortened(name, 18)}, AUC {figures[number].auc:.4f}"
        own = scores[:, number], true[:, number]
        for chart, points in ((roc, roc_curve(*own)), (recall, precision_recall_curve(*own))):
            shown = _thinned(np.stack(points, axis=1))
            key = "roc" if chart is roc else "precision_recall"
            numbers.setdefault(key, {})[name] = [(round(x, 4), round(y, 4)) for x, y in shown]
            legend = label if chart is roc else name
            chart.line(shown, kind, legend if kind != "others" else "", dots=False)
            if kind != "others":
                for x, y in shown:
                    chart.dot((x, y), f"hidden {kind}", f"{name}: ({x:.3f}, {y:.3f})")
    if grey:
        for chart in (roc, recall):
            chart.entry("others", f"{len(grey)} other classes")
    least = figures[by_area[0]]
    said = f"least AUC {least.auc:.4f}, of {least.name}"
    return [
        roc.finish(f"recall over false alarms of {listed(_names(figures, known))}; {said}"),
        recall.finish(f"precision over recall of {listed(_names(figures, known))}"),
    ]


def _names(figures: Sequence[ClassMetrics], numbers: Sequence[int]) -> list[str]:
    return [figures[number].name for number in numbers]


def _thinned(points: Array) -> list[tuple[float, float]]:
    """Return the corners of a line, `(N, 2)`: not more than can be seen."""
    if len(points) > 2:
        before, after = np.diff(points, axis=0)[:-1], np.diff(points, axis=0)[1:]
        turns = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-12
        points = points[np.concatenate([[True], turns, [True]])]
    points = points[evenly(len(points), MOST_POINTS)]
    return [(float(x), float(y)) for x, y in points]


def reliability_chart(measured: Calibration, of: str) -> Picture:
    """Return how often predictions are right, over their probability; `of` says which."""
    chart = Chart("reliability", UNIT, UNIT, ("probability", "share that is right"))
    chart.ticks()
    chart.line([(0, 0), (1, 1)], "chance", "as often as said", dots=False)
    for each in measured.bins:
        words = (
            f"{each.low:.1f} to {each.high:.1f}: {each.count:,} {of}, {each.share:.1%} right, "
            f"mean probability {each.confidence:.1%}"
        )
        chart.box((each.low + 0.005, 0), (each.high - 0.005, each.share), "s0 pale", words)
        low, high = wilson_interval(each.right, each.count) or (each.share, each.share)
        chart.line([(each.confidence, low), (each.confidence, high)], "whisker", dots=False)
        chart.dot((each.confidence, each.share), "s1", words)
    chart.entry("s1", "its 95% interval, at the mean probability")
    return chart.finish(f"expected calibration error {measured.error:.4f} over {of}")


def balance_chart(counts: dict[str, Array], names: Sequence[str], word: str) -> Picture:
    """Return how many samples of each class every split has: `counts` by split, `(K,)` each."""
    total = np.sum(list(counts.values()), axis=0)
    end = scale_for(total.tolist(), zero=True)
    rows = len(names) <= MOST_ROWS
    title = f"samples of each {word}"
    if rows:
        left = max(54.0, 6.6 * max(len(shortened(name, 18)) for name in names) + 12)
        chart = Chart(
            title, end, Scale(-len(names), 0), ("samples", ""),
            left=left, top=24, height=24.0 + BELOW + 20 * len(names),
        )  # fmt: skip
        chart.ticks((5, 0))
    else:
        chart = Chart(title, Scale(0, len(names)), end, (f"{word} number", "samples"), width=880)
        chart.ticks((10, 5))
    for number, name in enumerate(names):
        start = 0.0
        for place, (split, values) in enumerate(counts.items()):
            stop = start + float(values[number])
            tip = f"{name}: {int(values[number]):,} in {split}"
            if rows:
                low, high = (start, -number - 0.85), (stop, -number - 0.15)
            else:
                low, high = (number, start), (number + 0.9, stop)
            if stop > start:
                chart.box(low, high, f"s{place}", tip)
            start = stop
        if rows:
            chart.name_row(-number - 0.5, shortened(name, 18))
    for place, split in enumerate(counts):
        chart.entry(f"s{place}", split)
    least, most = int(total.argmin()), int(total.argmax())
    said = f"from {int(total[least]):,} of {names[least]} to {int(total[most]):,} of {names[most]}"
    return chart.finish(said if total[least] < total[most] else f"{int(total[0]):,} of each")

"""Pictures of a sweep: its objective over the trials, parallel coordinates, what mattered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cnnrun.config.search import Choice, Dimension, Reals
from cnnrun.report.scales import Scale, number, scale_for
from cnnrun.report.svg import BELOW, TOP, Chart, Picture, shortened
from cnnrun.sweeps.status import SweepStatus
from cnnrun.sweeps.trials import TrialView

__all__ = ["coordinates_chart", "importance_chart", "objective_chart"]

MOST_LINES = 400
AXIS = 150.0
"""Pixels between two axes of parallel coordinates."""
ROW = 26


def objective_chart(status: SweepStatus) -> Picture | None:
    """Return the objective of every trial that counts, in their order, and the best so far."""
    trials = sorted(
        (one for one in status.trials.values() if one.is_settled and _is_known(one)),
        key=lambda one: one.number,
    )
    if not trials:
        return None
    label = status.metric.replace("_", " ")
    x = scale_for([one.number for one in trials], integer=True)
    y = scale_for([_value(one) for one in trials])
    chart = Chart(f"{label} over the trials", x, y, ("trial", label), width=620)
    chart.ticks((8, 5))
    better = max if status.is_maximized else min
    best: list[tuple[float, float]] = []
    for trial in trials:
        if trial.status == "finished":
            before = best[-1][1] if best else _value(trial)
            best.append((trial.number, better(before, _value(trial))))
    if best:
        steps = [best[0]]
        for (_, before), (place, value) in pairwise(best):
            steps += [(place, before), (place, value)]
        chart.line(steps, "best", "best so far", dots=False)
    for trial in trials:
        kind = "s0" if trial.status == "finished" else "s1 pale"
        chart.dot((trial.number, _value(trial)), kind, _tip(status, trial))
    chart.entry("s0", "finished")
    if any(trial.status == "pruned" for trial in trials):
        chart.entry("s1", "pruned, at its last epoch")
    ends = f"best {number(best[-1][1])}" if best else "none finished"
    return chart.finish(f"{len(trials):,} trials, {ends}")


def coordinates_chart(status: SweepStatus, search: Mapping[str, Dimension]) -> Picture | None:
    """Return an axis for every setting and one for the objective, and a line for every trial."""
    ranked = [one for one in status.ranked if _is_known(one)][:MOST_LINES]
    if not ranked:
        return None
    keys = list(search)
    values = scale_for([_value(one) for one in ranked])
    width = 130 + AXIS * len(keys)
    chart = Chart(
        "settings and objective", Scale(0.0, len(keys) + 0.35), Scale(0.0, 1.0),
        width=width, height=330, left=60.0,
    )  # fmt: skip
    for place, key in enumerate(keys):
        chart.upright(place, "others")
        for words, height in _marks(search[key]):
            chart.text(place - 0.03, height, words, "label", "end")
        chart.name_column(place, shortened(key.rpartition(".")[2], 20), turned=False)
    last = len(keys)
    chart.upright(last, "others")
    for value in values.ticks(5):
        chart.text(last - 0.03, values.part(value), number(value), "label", "end")
    chart.name_column(last, status.metric.replace("_", " "), turned=False)
    best = max(1, len(ranked) // 10)
    for place, trial in reversed(list(enumerate(ranked))):  # the best above all
        points = [(axis, _height(search[key], trial.settings[key]))
                  for axis, key in enumerate(keys)]  # fmt: skip
        points.append((last, values.part(_value(trial))))
        kind = "s1" if place == 0 else "s0" if place < best else "others"
        chart.line(points, kind, dots=False)
        chart.dot(points[-1], kind, _tip(status, trial))
    chart.entry("s1", "the best trial")
    if best > 1:
        chart.entry("s0", "the best tenth")
    return chart.finish(f"{len(ranked):,} finished trials, the best in front")


def importance_chart(shares: Mapping[str, float]) -> Picture | None:
    """Return a bar for every setting: how much it mattered for being among the best."""
    if not shares:
        return None
    rows = sorted(shares.items(), key=lambda item: -item[1])
    left = 30 + 6.6 * max(len(shortened(key, 40)) for key, _ in rows)
    height = TOP + ROW * len(rows) + BELOW
    chart = Chart(
        "importance", Scale(0.0, 1.0), Scale(-float(len(rows)), 0.0), ("share", ""),
        width=left + 320, height=height, left=left,
    )  # fmt: skip
    chart.ticks((5, 0))
    for row, (key, share) in enumerate(rows):
        chart.box((0, -row - 0.8), (share, -row - 0.2), "s0 bar", f"{key}: {share:.1%}")
        chart.name_row(-row - 0.5, shortened(key, 40))
    return chart.finish(f"{rows[0][0]} mattered most ({rows[0][1]:.0%})")


def _marks(dimension: Dimension) -> list[tuple[str, float]]:
    """Return what stands at an axis of a setting, and how high."""
    if isinstance(dimension, Choice):
        every = dimension.values[:: -(-len(dimension.values) // 12)]
        return [(shortened(_words(value), 14), _height(dimension, value)) for value in every]
    low, high = dimension.low, dimension.high
    middle = math.sqrt(low * high) if isinstance(dimension, Reals) and dimension.log else None
    ends = [low, *([middle] if middle else []), high]
    return [(number(end), _height(dimension, end)) for end in ends]


def _height(dimension: Dimension, value: Any) -> float:
    """Return how high a value stands on its axis, from 0 to 1."""
    if isinstance(dimension, Choice):
        place = next(
            (i for i, each in enumerate(dimension.values) if _words(each) == _words(value)), 0
        )
        return place / max(1, len(dimension.values) - 1)
    low, high = float(dimension.low), float(dimension.high)
    if isinstance(dimension, Reals) and dimension.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return (float(value) - low) / (high - low) if high > low else 0.5


def _words(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _is_known(trial: TrialView) -> bool:
    return trial.value is not None and math.isfinite(trial.value)


def _value(trial: TrialView) -> float:
    return float(trial.value or 0.0)


def _tip(status: SweepStatus, trial: TrialView) -> str:
    settings: Sequence[str] = [
        f"{key.rpartition('.')[2]} {_words(value)}" for key, value in trial.settings.items()
    ]
    return f"point {trial.point}: {number(_value(trial))}; {', '.join(settings)}"

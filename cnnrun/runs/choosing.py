"""Which of two epochs is the better one, by the metric that a configuration names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnrun.config import METRICS, MetricName

__all__ = ["goodness", "rank"]


def goodness(metrics: Mapping[str, Any], name: MetricName) -> float:
    """Return how good an epoch is by a metric: the higher the better, whatever its direction.

    Args:
        metrics: of the epoch; those of validation count, or of training without one.
        name: of the metric. What is not known of the epoch, or not a number, is worst.
    """
    split = "val" if metrics["val_loss"] is not None else "train"
    metric = name.removeprefix("val_")
    if metric == "auto":
        metric = "loss" if metrics[f"{split}_accuracy"] is None else "accuracy"
    value = metrics.get(f"{split}_{metric}")  # checkpoints of an older version have few
    if value is None or math.isnan(value):
        return -math.inf
    return float(value if METRICS[metric].higher_is_better else -value)


def rank(metrics: Mapping[str, Any], best: MetricName) -> tuple[float, float]:
    """Return an epoch's rank, highest for the best; a tie goes to the lower loss.

    Args:
        metrics: of the epoch.
        best: what `train.best` says.
    """
    return goodness(metrics, best), goodness(metrics, "loss")

"""Which of two epochs is the better one, by the metric that a configuration names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnrun.config import METRICS, MetricName

__all__ = ["goodness", "metric_key", "metric_of", "rank"]


def goodness(metrics: Mapping[str, Any], name: MetricName) -> float:
    """Return how good an epoch is by a metric: the higher the better, whatever its direction.

    Args:
        metrics: of the epoch; those of validation count, or of training without one.
        name: of the metric. What is not known of the epoch, or not a number, is worst.
    """
    key = metric_of(metrics, name)
    value = metrics.get(key)  # checkpoints of an older version have few
    if value is None or math.isnan(value):
        return -math.inf
    is_higher_better = METRICS[key.partition("_")[2]].higher_is_better
    return float(value if is_higher_better else -value)


def metric_of(metrics: Mapping[str, Any], name: MetricName) -> str:
    """Return the key of a metric among an epoch's figures, such as `val_accuracy` for `auto`."""
    is_validated = metrics["val_loss"] is not None
    accuracy = metrics.get("val_accuracy" if is_validated else "train_accuracy")
    return metric_key(name, is_validated=is_validated, is_labelled=accuracy is not None)


def metric_key(name: MetricName, *, is_validated: bool, is_labelled: bool) -> str:
    """Return the same, where there is a validation split or not, and accuracy or not."""
    metric = name.removeprefix("val_")
    if metric == "auto":
        metric = "accuracy" if is_labelled else "loss"
    return f"{'val' if is_validated else 'train'}_{metric}"


def rank(metrics: Mapping[str, Any], best: MetricName) -> tuple[float, float]:
    """Return an epoch's rank, highest for the best; a tie goes to the lower loss.

    Args:
        metrics: of the epoch.
        best: what `train.best` says.
    """
    return goodness(metrics, best), goodness(metrics, "loss")

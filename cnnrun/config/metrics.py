"""The metrics that epochs are chosen by: which task has which, and which way is better.

The direction of a metric stands here and is guessed nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cnnrun.data import Task, has_labels
from cnnrun.errors import ConfigError

__all__ = ["METRICS", "Metric", "MetricName", "metrics_of", "require_metric"]

LABELS: tuple[Task, ...] = ("classification", "multi_label")
EVERY: tuple[Task, ...] = ("classification", "multi_label", "regression", "image")


@dataclass(frozen=True)
class Metric:
    """A figure of a split.

    Attributes:
        tasks: those that have it.
        higher_is_better: its direction.
        in_training: whether it is measured of the training split, too, while the weights change.
    """

    tasks: tuple[Task, ...]
    higher_is_better: bool
    in_training: bool = False


METRICS: Mapping[str, Metric] = {
    "loss": Metric(EVERY, higher_is_better=False, in_training=True),
    "accuracy": Metric(LABELS, higher_is_better=True, in_training=True),
    "balanced_accuracy": Metric(("classification",), higher_is_better=True),
    "f1": Metric(LABELS, higher_is_better=True),
    "auc": Metric(LABELS, higher_is_better=True),
    "exact_match": Metric(("multi_label",), higher_is_better=True),
    "mae": Metric(("regression", "image"), higher_is_better=False),
    "mse": Metric(("regression", "image"), higher_is_better=False),
    "rmse": Metric(("regression",), higher_is_better=False),
    "r2": Metric(("regression",), higher_is_better=True),
    "psnr": Metric(("image",), higher_is_better=True),
}
"""By name, as a configuration has it; `docs/experiments.md` says what each is."""

if TYPE_CHECKING:
    MetricName = str
else:
    MetricName = Literal[("auto", *METRICS, *(f"val_{name}" for name in METRICS))]
    """A metric of the validation split, with or without `val_`; without a validation split those
    that have none are of training. `auto` is the accuracy where there are labels, else the loss."""


def metrics_of(task: Task) -> list[str]:
    """Return the names of the metrics that a task has."""
    return [name for name, metric in METRICS.items() if task in metric.tasks]


def require_metric(
    option: str, name: MetricName, task: Task, *, has_validation: bool = True
) -> None:
    """Refuse a metric that the task has not, or that needs a validation split where there is none.

    Args:
        option: the full key of the option that names it, which messages open with.
        name: what it says.
        task: what is learnt.
        has_validation: whether there is a validation split.

    Raises:
        ConfigError: the metric cannot be measured; the message has those that can.
    """
    metric = name.removeprefix("val_")
    if metric == "auto":
        return
    if task not in METRICS[metric].tasks:
        known = ", ".join(f"val_{each}" for each in metrics_of(task))
        kind = "several labels an image" if task == "multi_label" else f"the task {task}"
        raise ConfigError(f"{option}: {metric} is not measured of {kind}; that has {known}")
    if not has_validation and (name != metric or not METRICS[metric].in_training):
        others = "accuracy or loss" if has_labels(task) else "loss"
        raise ConfigError(
            f"{option}: {name} is measured on the validation split, and there is none; set "
            f"data.validation, or {option} to {others}"
        )

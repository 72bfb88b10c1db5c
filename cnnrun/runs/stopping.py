"""Early stopping: how long a training has waited for a better epoch, and whether that is enough.

What it remembers are plain numbers, which a checkpoint keeps exactly, so that a resumed training
stops after the same epoch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cnnrun.config import TrainOptions
from cnnrun.runs.choosing import goodness, metric_of
from cnnrun.runs.events import StoppedEarly

__all__ = ["go_on", "has_stopped", "reason_to_stop", "watch"]

Memory = dict[str, float]
"""`epoch`, `value` and `goodness` of the best epoch so far; epochs `waited`; whether `stopped`."""


def watch(options: TrainOptions, metrics: Mapping[str, Any], memory: Memory) -> None:
    """Note an epoch, and whether training stops after it; the last one ends it anyway.

    Args:
        options: the `train:` section.
        metrics: of the epoch.
        memory: of the epochs before; changed in place.
    """
    stopping = options.early_stopping
    if stopping is None:
        return
    value = goodness(metrics, options.monitored)
    if value > memory.get("goodness", -math.inf) + stopping.min_delta:
        shown = metrics[metric_of(metrics, options.monitored)]
        memory.update(epoch=metrics["epoch"], value=shown, goodness=value, waited=0)
    else:
        memory["waited"] = memory.get("waited", 0) + 1
    if memory["waited"] >= stopping.patience and metrics["epoch"] < options.epochs:
        memory["stopped"] = 1


def has_stopped(memory: Mapping[str, float]) -> bool:
    """Return whether a training has stopped early."""
    return bool(memory.get("stopped"))


def go_on(memory: Memory) -> None:
    """Let a training that has stopped go on: the best epoch stays, the patience begins anew."""
    memory.pop("stopped", None)
    memory["waited"] = 0


def reason_to_stop(
    options: TrainOptions, best: Mapping[str, Any], memory: Memory, epoch: int
) -> StoppedEarly:
    """Return why a training has stopped.

    Args:
        options: the `train:` section.
        best: the metrics of the best epoch.
        memory: as `watch` left it.
        epoch: how many are done.
    """
    assert options.early_stopping is not None
    best_epoch = memory.get("epoch")
    return StoppedEarly(
        epoch,
        metric_of(best, options.monitored),
        options.early_stopping.patience,
        memory.get("value"),
        None if best_epoch is None else int(best_epoch),
        best["epoch"] if options.tested == "best" else epoch,
    )

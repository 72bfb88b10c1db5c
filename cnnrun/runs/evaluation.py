"""Runs a network over a whole split and measures it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine import Executor
from cnnrun.engine.types import Array
from cnnrun.runs.metrics import accuracy

__all__ = ["Evaluation", "evaluate"]

BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """What a network makes of a split.

    Attributes:
        loss: the mean over the split.
        accuracy: the share of right predictions; None when the targets are not labels.
        scores: `(N, K)` probabilities of the classes; None when the targets are not labels.
        labels: as the split has them.
    """

    loss: float
    accuracy: float | None
    scores: Array | None
    labels: Array


def evaluate(executor: Executor, samples: Samples) -> Evaluation:
    """Measure the executor's network on a split, in batches, without augmentation."""
    total, scores = 0.0, []
    for start in range(0, len(samples), BATCH):
        indices = np.arange(start, min(start + BATCH, len(samples)))
        x, targets = samples.batch(indices)
        loss, outputs = executor.evaluate(x, targets)
        total += loss * len(indices)
        if not samples.inputs_are_targets:
            scores.append(class_scores(executor, outputs))
    loss = total / len(samples)
    if samples.inputs_are_targets:
        return Evaluation(loss, None, None, samples.labels)
    joined = np.concatenate(scores)
    return Evaluation(loss, accuracy(joined, samples.labels), joined, samples.labels)


def class_scores(executor: Executor, outputs: Array) -> Array:
    """Return a copy of the outputs as what the loss calls predictions."""
    return np.array(executor.loss.predictions(outputs))

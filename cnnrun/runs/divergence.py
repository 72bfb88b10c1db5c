"""Ends a training whose values are no longer finite, and says where that began."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from cnnrun.data import Samples
from cnnrun.engine import Loss, Network, find_nonfinite_prediction, find_nonfinite_state
from cnnrun.engine.types import Array
from cnnrun.errors import DivergedError
from cnnrun.runs.evaluation import Evaluation, parts_of

__all__ = ["require_finite_evaluation", "require_finite_state"]

ADVICE = "a smaller learning rate or clip_norm may help"


def require_finite_state(network: Network, optimizer_state: Mapping[str, Array], when: str) -> None:
    """Refuse weights, or an optimizer's state, that are not finite, or no training can go on.

    Raises:
        DivergedError: one of them is not; the message opens with `when`.
    """
    if first := find_nonfinite_state(network, optimizer_state):
        raise DivergedError(f"training diverged {when}: a value is not finite, {first}; {ADVICE}")


def require_finite_evaluation(
    evaluation: Evaluation, network: Network, loss: Loss, samples: Samples, when: str
) -> None:
    """Refuse the loss of a split that is not finite, and look for the layer where that began.

    Raises:
        DivergedError: it is not; the message opens with `when`.
    """
    if math.isfinite(evaluation.loss):
        return
    where = "in the loss"
    for part in parts_of(len(samples), samples.split.images.shape):
        batch = samples.batch(np.arange(part.start, part.stop))
        if first := find_nonfinite_prediction(network, loss, *batch):
            where = str(first)
            break
    raise DivergedError(f"training diverged {when}: a value is not finite, {where}; {ADVICE}")

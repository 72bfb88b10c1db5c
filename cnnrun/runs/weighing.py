"""Weights of a loss by class that are computed from the training split."""

from __future__ import annotations

import numpy as np

from cnnrun.data import PreparedData, has_labels
from cnnrun.engine import Loss
from cnnrun.engine.losses import Classes
from cnnrun.errors import ConfigError

__all__ = ["weighed"]


def weighed(loss: Loss, data: PreparedData) -> Loss:
    """Return a loss with its weights by class, if it has any, in the order of the classes.

    Raises:
        ConfigError: the data have no classes or labels, or no such.
    """
    if not loss.is_by_class:
        return loss
    if not has_labels(data.task):
        raise ConfigError(f"loss.{loss.type_name}: weights by class are for classes and labels")
    labels = data.train.labels
    one_each = labels.ndim == 1
    counts = np.bincount(labels, minlength=data.info.classes) if one_each else labels.sum(axis=0)
    numbers = tuple(int(count) for count in counts)
    return loss.for_classes(Classes(data.info.class_names, numbers, len(labels)))

"""Weights by class: what the options of a loss say, and the numbers that it multiplies by.

A configuration may name classes, or leave the weights to the training split, `balanced`. A training
makes a list of them when it starts, which is kept in its run, so that whoever loads the run needs
no data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.types import Array, Positive
from cnnrun.errors import OptionError, ShapeError, excerpt

__all__ = ["ClassWeights", "Classes", "by_class"]

ClassWeights = Literal["balanced"] | dict[str, Positive] | tuple[Positive, ...] | None
"""By name, where a class that is left out has 1; or in the classes' order; None is 1 for all."""


@dataclass(frozen=True)
class Classes:
    """The classes, or labels, that a network learns.

    Attributes:
        names: in the order of the outputs.
        counts: the training samples of each; None as long as nobody has counted them.
        samples: of the training split.
    """

    names: tuple[str, ...]
    counts: tuple[int, ...] | None = None
    samples: int = 0

    def class_weights(self, weights: ClassWeights) -> ClassWeights:
        """Return the weights of `class_weight` in the order of the classes.

        Those that are balanced are N / (K n_k), as in scikit-learn, so that all K classes of which
        there are samples weigh the same together, and a sample 1 in the mean. Source: King & Zeng,
        "Logistic regression in rare events data", 2001.

        Raises:
            OptionError: a name is none of a class, or the list has another length.
        """
        if weights != "balanced":
            return self._in_order("class_weight", weights)
        if self.counts is None:
            return weights
        present = sum(count > 0 for count in self.counts)
        total = sum(self.counts)
        return tuple(total / (present * count) if count else 1.0 for count in self.counts)

    def positive_weights(self, weights: ClassWeights) -> ClassWeights:
        """Return the weights of `pos_weight` in the order of the labels.

        Those that are balanced are the samples without the label over those with it, so that both
        weigh the same; 1 where there are only such or such.

        Raises:
            OptionError: a name is none of a label, or the list has another length.
        """
        if weights != "balanced":
            return self._in_order("pos_weight", weights)
        if self.counts is None:
            return weights
        pairs = [(self.samples - count, count) for count in self.counts]
        return tuple(without / there if without and there else 1.0 for without, there in pairs)

    def _in_order(self, option: str, weights: ClassWeights) -> ClassWeights:
        if isinstance(weights, tuple) and len(weights) != len(self.names):
            message = f"has {len(weights)} weights for {len(self.names)} classes"
            raise OptionError(option, message)
        if not isinstance(weights, dict):
            return weights
        for name in weights:
            if name not in self.names:
                known = ", ".join(self.names[:10]) + ", ..." * (len(self.names) > 10)
                message = f"names {excerpt(name)}, which is no class; these are {known}"
                raise OptionError(option, message)
        return tuple(float(weights.get(name, 1.0)) for name in self.names)


def by_class(option: str, weights: ClassWeights, outputs: Array) -> Array | None:
    """Return the weights as a row for outputs `(N, K)`; None where all count alike.

    `balanced` counts all alike as long as nobody has computed the weights from a training split.

    Raises:
        ShapeError: there are not K of them, or only names.
    """
    if weights is None or weights == "balanced":
        return None
    if isinstance(weights, dict):
        raise ShapeError(f"{option} names classes; for_classes gives each output its weight")
    if outputs.ndim != 2 or len(weights) != outputs.shape[1]:
        raise ShapeError(
            f"{option} has {len(weights)} weights, but outputs have the shape {outputs.shape}"
        )
    return np.array(weights, outputs.dtype)

"""Measures what one update does to every layer: weights, gradients, step sizes, dead units."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnrun.engine import Context, Network, Pass
from cnnrun.engine.types import Array

__all__ = ["SAMPLES", "LayerFigures", "LayerWatch"]

SAMPLES = 32
"""Of the batch, on which dead units are looked for; the forward pass over them is the only cost."""


@dataclass(frozen=True)
class LayerFigures:
    """One layer at one step. What a layer without parameters, or not a ReLU, has not is None.

    Attributes:
        layer, type: its full name and its type.
        weight_norm: L2 norm of all its parameters, before the update.
        gradient_norm: of their gradients, before clipping.
        update_to_weight: the norm of their change by the update, divided by `weight_norm`. About
            1e-3 is usual; far less learns slowly, far more forgets.
        dead: the share of a ReLU's units that none of the samples makes active: channels of an
            image, numbers of a vector.
    """

    layer: str
    type: str
    weight_norm: float | None = None
    gradient_norm: float | None = None
    update_to_weight: float | None = None
    dead: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures by name, with six digits."""
        return {
            key: float(f"{value:.6g}") if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


class LayerWatch:
    """Measures an update: `before` it, with its gradients, and `after` it."""

    def __init__(self, network: Network, every: int | None = None) -> None:
        """Watch every layer of a network that has parameters, and every ReLU.

        Args:
            network: in training.
            every: steps between two measurements, besides those at the ends of epochs.
        """
        self._network = network
        self._every = every
        self._parameters = {
            name: [f"{name}/{key}" for key in layer.params] for name, layer in network.walk()
        }
        self._types = {
            name: layer.type_name
            for name, layer in network.walk()
            if layer.params or layer.type_name == "relu"
        }
        self._weights: dict[str, Array] = {}
        self._gradient_norms: dict[str, float] = {}

    def is_due(self, step: int, *, is_last: bool) -> bool:
        """Return whether a step, counted from 1, is measured; `is_last` says if of its epoch."""
        return is_last or (self._every is not None and step % self._every == 0)

    def before(self, gradients: Mapping[str, Array]) -> None:
        """Keep the weights, and the size of the gradients, by full parameter name."""
        for name, array in self._network.parameters.items():
            self._weights.setdefault(name, np.empty_like(array))[...] = array
        self._gradient_norms = {
            layer: _norm(gradients[name] for name in names)
            for layer, names in self._parameters.items()
            if names
        }

    def after(self, x: Array) -> tuple[LayerFigures, ...]:
        """Return every layer's figures, in natural order; `x` is the batch `(N, *input_shape)`."""
        dead = self._dead(x[:SAMPLES]) if "relu" in self._types.values() else {}
        rows = []
        for layer, kind in self._types.items():
            names = self._parameters[layer]
            if not names:
                rows.append(LayerFigures(layer, kind, dead=dead.get(layer)))
                continue
            size = _norm(self._weights[name] for name in names)
            parameters = self._network.parameters
            change = _norm(parameters[name] - self._weights[name] for name in names)
            ratio = change / size if size else None
            rows.append(LayerFigures(layer, kind, size, self._gradient_norms[layer], ratio))
        return tuple(rows)

    def _dead(self, x: Array) -> dict[str, float]:
        """Return the share of dead units of every ReLU."""
        shares = {}

        def observe(name: str, key: str, array: Array) -> None:
            if key == "y" and self._types.get(name) == "relu":
                active = (array > 0).any(axis=tuple(range(array.ndim - 1)))
                shares[name] = float(1 - active.mean())

        with np.errstate(all="ignore"):  # what is not finite ends the training elsewhere
            self._network.forward(x, Context(Pass(observer=observe)))
        return shares


def _norm(arrays: Iterable[Array]) -> float:
    """Return the L2 norm of arrays together, summed in float64."""
    return math.sqrt(sum(float(np.dot(a, a)) for a in map(_flat, arrays)))


def _flat(array: Array) -> Array:
    return array.ravel().astype(np.float64)

"""Every sum over the shards of a batch, always in the same order: that any number of workers gives
the same bits rests on this file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cnnrun.engine.execution.messages import ShardResult
from cnnrun.engine.types import Array
from cnnrun.errors import LayerError

__all__ = ["ShardGradients", "put_in_place", "sum_in_order"]


def sum_in_order(parts: Sequence[Array]) -> Array:
    """Return the sum of the shards' arrays as a new array; layers ask for it by `all_reduce`."""
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


class ShardGradients:
    """Where each shard of a batch writes its gradients, and their sum.

    The first shard writes straight into the arrays for the batch's gradients. The others write into
    arrays of their own, which are then added to these.
    """

    def __init__(self, totals: Mapping[str, Array]) -> None:
        """Take the arrays for the batch's gradients, by parameter name."""
        self._totals = totals
        self._partial: list[Mapping[str, Array]] = []

    def arrays_for(self, shard: int, place: int) -> Mapping[str, Array]:
        """Return where shard number `shard` writes, the one at `place` of those in flight."""
        if shard == 0:
            return self._totals
        while len(self._partial) <= place:
            like = self._totals.items()
            self._partial.append({name: np.empty_like(array) for name, array in like})
        return self._partial[place]

    def add(self, results: Sequence[ShardResult], *, from_first: bool) -> None:
        """Add what shards gave to the batch's gradients; `from_first`: they begin with shard 0."""
        for name, total in self._totals.items():
            for result in results[1:] if from_first else results:
                total += result.gradients[name]


def put_in_place(gradients: Mapping[str, Array], places: Mapping[str, Array]) -> None:
    """Copy gradients that a layer keeps in arrays of its own to where they are wanted.

    Raises:
        LayerError: the gradient of a parameter is missing, or of another shape than it.
    """
    for name, place in places.items():
        gradient = gradients.get(name)
        if gradient is place:
            continue
        layer, _, parameter = name.rpartition("/")
        if gradient is None:
            raise LayerError(
                f"layer {layer}: backward gave no gradient of {parameter!r}; it has to write "
                f"ctx.gradient({parameter!r}, self.params[{parameter!r}]) at every call"
            )
        if gradient.shape != place.shape:
            raise LayerError(
                f"layer {layer}: the gradient of {parameter!r} has shape {gradient.shape}, "
                f"but the parameter {place.shape}"
            )
        np.copyto(place, gradient, casting="same_kind")

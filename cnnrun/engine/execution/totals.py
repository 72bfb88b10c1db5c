"""The gradients of a whole batch: those of its shards, added up in their order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.execution.shared_memory import shared_like
from cnnrun.engine.types import Array

__all__ = ["Totals"]


class Totals:
    """The sums, in arrays that stay the same from batch to batch and that processes share.

    Attributes:
        gradients: by parameter name.
    """

    def __init__(self, parameters: Mapping[str, Array]) -> None:
        self.gradients = shared_like(parameters)

    def add(
        self, gradients: Mapping[str, Array], first: Context, is_first: bool, is_only: bool
    ) -> None:
        """Add one shard's gradients to the batch's; the first shard's replace the last batch's.

        Args:
            gradients: the shard's, by parameter name.
            first: the context that the batch's first shard is computed with.
            is_first: whether these are the first shard's.
            is_only: whether no other shard of the batch is computed with that context. Then its
                layers write to the batch's arrays at once from now on.
        """
        if is_first and is_only:
            first.hand_over("gradients", self.gradients)
            return
        for name, total in self.gradients.items():
            gradient = gradients[name]
            if not is_first:
                total += gradient
            elif gradient is not total:
                np.copyto(total, gradient)
            elif owner := first.find(name.rpartition("/")[0]):
                owner.move(total, np.empty_like(total))  # for the shards to come

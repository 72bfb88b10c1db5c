"""What an optimizer is: a rule that moves the parameters along their gradients, in place."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import ClassVar

import numpy as np

from cnnrun.engine.kernels.reductions import CHUNK, rough_sum_of_squares
from cnnrun.engine.types import Array, NonNegative, Positive
from cnnrun.registry import Registry

__all__ = ["OPTIMIZERS", "Optimizer", "State", "global_norm"]

OPTIMIZERS: Registry[type[Optimizer]] = Registry("optimizer")

State = dict[str, Array]
"""An optimizer's arrays by slot and parameter: `velocity/00_conv2d/w`. Safe to checkpoint."""


def global_norm(gradients: Mapping[str, Array]) -> float:
    """Return the L2 norm of all gradients as one vector; not finite if one of them is not."""
    return sqrt(sum(rough_sum_of_squares(gradient) for gradient in gradients.values()))


@dataclass(frozen=True)
class Optimizer:
    """The options every optimizer has, and the walk over the parameters that all share.

    A subclass names its `slots` and changes one chunk of one parameter in `update_chunk`.

    Attributes:
        learning_rate: the base rate, which a schedule scales.
        weight_decay: the factor of the L2 penalty (or of the decoupled decay, for adamw).
        decay_weights_only: spare biases and normalisation parameters from weight decay.
        clip_norm: scale the gradients down to this global L2 norm when theirs is larger.
    """

    type_name: ClassVar[str] = ""
    slots: ClassVar[tuple[str, ...]] = ()
    """Names of the arrays kept for each parameter, of its shape."""

    learning_rate: Positive = 0.01
    weight_decay: NonNegative = 0.0
    decay_weights_only: bool = False
    clip_norm: Positive | None = None

    def active_slots(self) -> tuple[str, ...]:
        """Return the slots that these options need."""
        return self.slots

    def initial_value(self, slot: str) -> float:
        """Return what a slot is filled with at the start."""
        return 0.0

    def initial_state(self, parameters: Mapping[str, Array]) -> State:
        """Return the arrays to hand to every `update`, and to keep in a checkpoint."""
        return {
            f"{slot}/{name}": np.full_like(parameter, self.initial_value(slot), order="C")
            for slot in self.active_slots()
            for name, parameter in parameters.items()
        }

    def update(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: State,
        *,
        learning_rate: float,
        step: int,
        spared: Collection[str] = (),
        norm: float | None = None,
        part: int = 0,
        parts: int = 1,
    ) -> float:
        """Do step number `step` (the first is 1): change `parameters` and `state` in place.

        `gradients` is overwritten. Parameters in `spared` are spared from weight decay when
        `decay_weights_only` is set. Clipping comes before weight decay, as in PyTorch. `norm` is
        the gradients' global norm, if it is known already. Number `part` of so many equal `parts`
        is changed alone, so that several processes can do a step together.

        Returns:
            The global L2 norm of the gradients before clipping.
        """
        norm = global_norm(gradients) if norm is None else norm
        scale = 1.0
        if self.clip_norm is not None:
            scale = min(1.0, self.clip_norm / (norm + 1e-6))  # as PyTorch's clip_grad_norm_
        total = sum(parameter.size for parameter in parameters.values())
        first, end = total * part // parts, total * (part + 1) // parts
        for name, parameter in parameters.items():
            decay = self.weight_decay
            if self.decay_weights_only and name in spared:
                decay = 0.0
            arrays = [state[f"{slot}/{name}"] for slot in self.active_slots()]
            mine = slice(max(first, 0), min(end, parameter.size))
            for p, g, *slots in _chunks(mine, parameter, gradients[name], *arrays):
                with np.errstate(all="ignore"):  # what is not finite is looked for by the caller
                    if scale != 1.0:
                        g *= scale
                    self.update_chunk(p, g, slots, learning_rate, decay, step)
            first, end = first - parameter.size, end - parameter.size
        return norm

    def update_chunk(
        self, p: Array, g: Array, slots: list[Array], learning_rate: float, decay: float, step: int
    ) -> None:
        """Change a piece of one parameter in place.

        Args:
            p: the parameter's values, 1-D.
            g: its gradient, which may be overwritten.
            slots: the arrays of `active_slots`, in order.
            learning_rate: of this step.
            decay: the weight decay that applies to this parameter.
            step: the number of this step; the first is 1.
        """
        raise NotImplementedError


def _chunks(part: slice, *arrays: Array) -> Iterator[list[Array]]:
    """Yield matching 1-D pieces of a part, each small enough for the cache.

    What is written to a piece stays in its array.
    """
    if part.start >= part.stop:
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(part.start, part.stop, CHUNK):
        yield [array[start : min(start + CHUNK, part.stop)] for array in flat]
    for array, copy in zip(arrays, flat, strict=True):
        if not np.may_share_memory(array, copy):  # it was not contiguous, so reshape copied it
            array[...] = copy.reshape(array.shape)

"""What an optimizer is: a rule that moves the parameters along their gradients, in place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import ClassVar

from cnnrun.engine.types import Array, NonNegative, Positive
from cnnrun.registry import Registry

__all__ = ["OPTIMIZERS", "Optimizer", "State"]

OPTIMIZERS: Registry[type[Optimizer]] = Registry("optimizer")

State = dict[str, Array]
"""An optimizer's arrays by slot and parameter: `velocity/00_conv2d/w`. Safe to checkpoint."""


@dataclass(frozen=True)
class Optimizer:
    """The options every optimizer has.

    Attributes:
        learning_rate: the base rate, which a schedule scales.
        weight_decay: the factor of the L2 penalty (or of the decoupled decay, for adamw).
        decay_weights_only: spare biases and normalisation parameters from weight decay.
        clip_norm: scale the gradients down to this global L2 norm when theirs is larger.
    """

    type_name: ClassVar[str] = ""
    slots: ClassVar[tuple[str, ...]] = ()
    """Names of the arrays kept for each parameter, of its shape, zero at the start."""

    learning_rate: Positive = 0.01
    weight_decay: NonNegative = 0.0
    decay_weights_only: bool = False
    clip_norm: Positive | None = None

    def initial_state(self, parameters: Mapping[str, Array]) -> State:
        """Return the arrays to hand to every `update`, and to keep in a checkpoint."""
        raise NotImplementedError

    def update(
        self,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: State,
        *,
        learning_rate: float,
        step: int,
        spared: Collection[str] = (),
    ) -> float:
        """Do step number `step` (the first is 1): change `parameters` and `state` in place.

        `gradients` may be overwritten. Parameters in `spared` are spared from weight decay when
        `decay_weights_only` is set.

        Returns:
            The global L2 norm of the gradients before clipping.
        """
        raise NotImplementedError

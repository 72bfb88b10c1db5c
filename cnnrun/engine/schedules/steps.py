"""Schedules that stay constant for whole epochs."""

from __future__ import annotations

from dataclasses import dataclass

from cnnrun.engine.schedules.base import SCHEDULES, Clock, Memory, Schedule, power
from cnnrun.engine.types import Positive, PositiveInt
from cnnrun.errors import OptionError

__all__ = ["Constant", "MultiStep", "Step"]


@SCHEDULES.register("constant")
@dataclass(frozen=True)
class Constant(Schedule):
    """The base rate throughout."""

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return 1."""
        return 1.0


@SCHEDULES.register("step")
@dataclass(frozen=True)
class Step(Schedule):
    """Multiplies the rate by `gamma` every `every_epochs` epochs."""

    every_epochs: PositiveInt = 10
    gamma: Positive = 0.1

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return gamma to the power of the drops so far."""
        return power(self.gamma, clock.epoch // self.every_epochs)


@SCHEDULES.register("multistep")
@dataclass(frozen=True)
class MultiStep(Schedule):
    """Multiplies the rate by `gamma` after each of the given epochs."""

    epochs: tuple[PositiveInt, ...] = ()
    gamma: Positive = 0.1

    def __post_init__(self) -> None:
        if any(b <= a for a, b in zip(self.epochs, self.epochs[1:], strict=False)):
            raise OptionError("epochs", f"must increase, got {list(self.epochs)}")

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return gamma to the power of the epochs passed."""
        return power(self.gamma, sum(clock.epoch >= epoch for epoch in self.epochs))

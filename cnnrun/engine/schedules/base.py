"""What a schedule is: the learning rate of every step, as a factor of the optimizer's base rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cnnrun.engine.types import NonNegative
from cnnrun.registry import Registry

__all__ = ["SCHEDULES", "Clock", "Memory", "Schedule"]

SCHEDULES: Registry[type[Schedule]] = Registry("schedule")

Memory = dict[str, float]
"""What a schedule remembers from epoch to epoch; plain numbers, kept in a checkpoint."""


@dataclass(frozen=True)
class Clock:
    """Where training stands: steps done so far, steps in an epoch, and epochs in all."""

    step: int
    steps_per_epoch: int
    epochs: int

    @property
    def epoch(self) -> float:
        """Epochs done so far, with their fraction."""
        return self.step / self.steps_per_epoch


@dataclass(frozen=True)
class Schedule:
    """The option every schedule has: a linear warm-up before it starts.

    During `warmup_epochs` the factor rises linearly from near 0 to the schedule's own first
    factor; the schedule proper then covers the epochs that remain.
    """

    type_name: ClassVar[str] = ""

    warmup_epochs: NonNegative = 0.0

    def factor(self, clock: Clock, memory: Memory) -> float:
        """Return what to multiply the base learning rate by in the step after `clock.step`."""
        raise NotImplementedError

    def observe(self, metric: float, memory: Memory) -> None:
        """Note an epoch's validation loss (training loss without validation) in `memory`."""

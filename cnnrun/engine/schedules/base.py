"""What a schedule is: the learning rate of every step, as a factor of the optimizer's base rate."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import ClassVar

from cnnrun.engine.types import NonNegative
from cnnrun.registry import Registry

__all__ = ["SCHEDULES", "Clock", "Memory", "Schedule", "power"]

SCHEDULES: Registry[type[Schedule]] = Registry("schedule")

Memory = dict[str, float]
"""What a schedule remembers from epoch to epoch; plain numbers, kept in a checkpoint."""


def power(base: float, exponent: int) -> float:
    """Return a power; infinity where it is too large for a float."""
    try:
        return float(base**exponent)
    except OverflowError:
        return inf


@dataclass(frozen=True)
class Clock:
    """Where training stands: steps done so far, steps in an epoch, and steps in all."""

    step: int
    steps_per_epoch: int
    total_steps: int

    @property
    def epoch(self) -> int:
        """Whole epochs done so far."""
        return self.step // self.steps_per_epoch

    @property
    def progress(self) -> float:
        """Done so far, from 0 before the first step to 1 after the last."""
        return min(self.step / max(1, self.total_steps), 1.0)


@dataclass(frozen=True)
class Schedule:
    """The option every schedule has: a linear warm-up before it starts.

    In step s (from 1) of a warm-up of W steps the factor is s / W of the schedule's first one; the
    schedule's own clock starts after the warm-up and covers the steps that remain.
    """

    type_name: ClassVar[str] = ""

    warmup_epochs: NonNegative = 0.0

    def factor(self, clock: Clock, memory: Memory) -> float:
        """Return what to multiply the base learning rate by in the step after `clock.step`."""
        warmup = round(self.warmup_epochs * clock.steps_per_epoch)
        after = max(clock.step - warmup, 0)
        own = Clock(after, clock.steps_per_epoch, max(clock.total_steps - warmup, 1))
        rise = min((clock.step + 1) / warmup, 1.0) if warmup else 1.0
        return rise * self.own_factor(own, memory)

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return the factor without warm-up; `clock` starts after it."""
        raise NotImplementedError

    def observe(self, metric: float, memory: Memory) -> None:
        """Note an epoch's validation loss (training loss without validation) in `memory`."""

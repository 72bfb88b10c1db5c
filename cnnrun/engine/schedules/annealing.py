"""Schedules that change the rate smoothly."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi

from cnnrun.engine.schedules.base import SCHEDULES, Clock, Memory, Schedule, power
from cnnrun.engine.types import Fraction, Positive, UnitInterval

__all__ = ["Cosine", "Exponential", "OneCycle"]


def _anneal(start: float, end: float, progress: float) -> float:
    """Return a value on half a cosine from `start` to `end`."""
    return end + (start - end) * (1 + cos(pi * progress)) / 2


@SCHEDULES.register("exponential")
@dataclass(frozen=True)
class Exponential(Schedule):
    """Multiplies the rate by `gamma` after every epoch."""

    gamma: Positive = 0.95

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return gamma to the power of whole epochs."""
        return power(self.gamma, clock.epoch)


@SCHEDULES.register("cosine")
@dataclass(frozen=True)
class Cosine(Schedule):
    """Half a cosine from the base rate down to `final_fraction` of it, step by step.

    Source: Loshchilov & Hutter 2017, without restarts.
    """

    final_fraction: UnitInterval = 0.0

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return the cosine's value."""
        return _anneal(1.0, self.final_fraction, clock.progress)


@SCHEDULES.register("one_cycle")
@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to the base rate and down again, both along a cosine. Source: Smith & Topin 2018.

    Attributes:
        rising: the share of all steps in which the rate rises.
        initial_fraction: of the base rate, at the first step.
        final_fraction: of the base rate, at the end.
    """

    rising: Fraction = 0.3
    initial_fraction: UnitInterval = 0.04
    final_fraction: UnitInterval = 1e-4

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return the cycle's value."""
        if clock.progress < self.rising:
            return _anneal(self.initial_fraction, 1.0, clock.progress / self.rising)
        return _anneal(1.0, self.final_fraction, (clock.progress - self.rising) / (1 - self.rising))

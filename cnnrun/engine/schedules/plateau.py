"""A schedule that waits for the loss to stop falling."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from cnnrun.engine.schedules.base import SCHEDULES, Clock, Memory, Schedule
from cnnrun.engine.types import Fraction, NonNegative, NonNegativeInt, UnitInterval

__all__ = ["ReduceOnPlateau"]


@SCHEDULES.register("reduce_on_plateau")
@dataclass(frozen=True)
class ReduceOnPlateau(Schedule):
    """Multiplies the rate by `gamma` when the loss has not improved for over `patience` epochs.

    An epoch improves on the best one when its loss is below it by more than `threshold` of its
    size; a loss that is not finite never does.
    """

    gamma: Fraction = 0.1
    patience: NonNegativeInt = 3
    threshold: NonNegative = 1e-4
    minimum_fraction: UnitInterval = 0.0

    def own_factor(self, clock: Clock, memory: Memory) -> float:
        """Return the product of the reductions so far."""
        return memory.get("factor", 1.0)

    def observe(self, metric: float, memory: Memory) -> None:
        """Count the epochs without improvement; reduce when they are too many."""
        best = memory.get("best")
        if isfinite(metric) and (best is None or metric < best - abs(best) * self.threshold):
            memory["best"], memory["waited"] = metric, 0.0
            return
        memory["waited"] = memory.get("waited", 0.0) + 1
        if memory["waited"] > self.patience:
            reduced = memory.get("factor", 1.0) * self.gamma
            memory["factor"], memory["waited"] = max(reduced, self.minimum_fraction), 0.0

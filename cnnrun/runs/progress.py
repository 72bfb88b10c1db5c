"""Where a training stands: all that a checkpoint has to keep beside the arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["Progress"]


@dataclass
class Progress:
    """Where a training stands, as plain values that a checkpoint keeps exactly.

    Attributes:
        step, epoch: how many are done.
        batch: steps done of the epoch at hand, with the sums of its figures so far.
        schedule: what the schedule remembers.
        best: the best epoch's metrics.
        stopping: what early stopping remembers.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    right: float = 0.0
    samples: int = 0
    grad_norm: float = 0.0
    seconds: float = 0.0
    learning_rate: float = 0.0
    schedule: dict[str, float] = field(default_factory=dict)
    best: dict[str, Any] | None = None
    stopping: dict[str, float] = field(default_factory=dict)

    @property
    def at_best(self) -> bool:
        """Whether no step has been done since the best epoch."""
        return self.best is not None and self.best["step"] == self.step

    def start_epoch(self) -> None:
        """Forget the sums of the epoch before."""
        self.batch, self.samples = 0, 0
        self.loss = self.right = self.grad_norm = self.seconds = 0.0

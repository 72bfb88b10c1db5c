"""Draws a run's learning curves once it is trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cnnrun.runs.events import Event, TrainingFinished
from cnnrun.runs.folder import Run
from cnnrun.runs.plots import plot_curves

__all__ = ["CurvePlotter"]


class CurvePlotter:
    """Draws `plots/curves.png` from the run's log, which may begin before this training did."""

    def __init__(self, run: Run, best: Callable[[], dict[str, Any] | None]) -> None:
        """Draw the curves of `run`; `best` gives the figures of the best epoch so far."""
        self.run = run
        self._best = best

    def __call__(self, event: Event) -> None:
        """Draw the curves when all epochs are done."""
        if isinstance(event, TrainingFinished):
            best = self._best()
            path = self.run.plots / "curves.png"
            plot_curves(self.run.epochs(), self.run.name, path, best["epoch"] if best else None)

"""Draws a run's learning curves once it is trained."""

from __future__ import annotations

from cnnrun.runs.events import Event, TrainingFinished
from cnnrun.runs.folder import Run
from cnnrun.runs.plots import plot_curves

__all__ = ["CurvePlotter"]


class CurvePlotter:
    """Draws `plots/curves.png` from the run's log, which may begin before this training did."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def __call__(self, event: Event) -> None:
        """Draw the curves when all epochs are done."""
        if isinstance(event, TrainingFinished):
            plot_curves(self.run.metrics, self.run.name, self.run.plots / "curves.png")

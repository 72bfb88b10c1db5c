"""Keeps `layers.jsonl`: every layer's weights, gradients, updates and dead units over training."""

from __future__ import annotations

from pathlib import Path

from cnnrun.runs.events import Event, LayersMeasured
from cnnrun.runs.observers.lines import StepLines

__all__ = ["LayerLog"]


class LayerLog:
    """Appends a line for every measurement."""

    def __init__(self, path: Path, step: int) -> None:
        """Go on where the training stands, `step`."""
        self._lines = StepLines(path, step)

    def __call__(self, event: Event) -> None:
        """Write a measurement down."""
        if isinstance(event, LayersMeasured):
            rows = [row.to_json() for row in event.layers]
            self._lines.append(event.epoch, event.step, layers=rows)

"""Keeps `digests.jsonl`: digests of the weights, so that a repetition can be held against them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cnnrun.engine.types import Array
from cnnrun.runs.digests import digests_of
from cnnrun.runs.events import EpochFinished, Event, StepFinished, Stopped, TrainingStarted
from cnnrun.runs.observers.lines import StepLines

__all__ = ["DigestLog"]


class DigestLog:
    """Appends a line at the start, at every epoch, at a stop, and every so many steps."""

    def __init__(
        self, path: Path, step: int, every: int | None, take: Callable[[], Mapping[str, Array]]
    ) -> None:
        """Go on behind what was written up to a step, and cut what stands behind it.

        Args:
            path: the file.
            step: where the training stands.
            every: how many steps lie between two lines; None for epochs alone.
            take: returns the weights of the moment.
        """
        self.every = every
        self.take = take
        self._lines = StepLines(path, step)
        self._epoch = self._lines.epoch

    def __call__(self, event: Event) -> None:
        """Write down what the weights are at the events that the class names."""
        match event:
            case TrainingStarted(step=0):
                self._write(0)
            case EpochFinished(metrics):
                self._epoch = metrics.epoch
                self._write(metrics.step)
            case StepFinished(step) if self.every and step % self.every == 0:
                self._write(step)
            case Stopped(step):
                self._write(step)

    def _write(self, step: int) -> None:
        self._lines.append(self._epoch, step, weights=digests_of(self.take()))

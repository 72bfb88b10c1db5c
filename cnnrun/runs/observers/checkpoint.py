"""Keeps the checkpoints `last` and `best`."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from cnnrun.runs.checkpoints import CHECKPOINT_SECONDS, Checkpoint, write_checkpoint
from cnnrun.runs.events import EpochFinished, Event, StepFinished, Stopped, TrainingStarted

__all__ = ["CheckpointWriter"]


class CheckpointWriter:
    """Saves at the start, after every epoch, at a stop, and every ten seconds in between.

    `best` follows `last`: what `last` says of the best epoch is never behind `best`, and if a kill
    comes between the two, a resume, which begins at that same moment, writes `best` again.
    """

    def __init__(self, folder_of: Callable[[str], Path], take: Callable[[], Checkpoint]) -> None:
        """Write what `take` returns into the folder that `folder_of` gives `last` or `best`."""
        self.folder_of = folder_of
        self.take = take
        self._saved_at = 0.0

    def __call__(self, event: Event) -> None:
        """Save at the events that the class names, and at a step if ten seconds have passed."""
        match event:
            case EpochFinished(improved=True) | TrainingStarted(at_best=True):
                self._save("last", "best")
            case EpochFinished() | TrainingStarted() | Stopped():
                self._save("last")
            case StepFinished(is_due=True):
                self._save("last")
            case StepFinished(is_due=None) if (
                time.monotonic() - self._saved_at > CHECKPOINT_SECONDS
            ):
                self._save("last")

    def _save(self, *names: str) -> None:
        checkpoint = self.take()
        for name in names:
            write_checkpoint(self.folder_of(name), checkpoint)
        self._saved_at = time.monotonic()

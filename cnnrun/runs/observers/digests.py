"""Keeps `digests.jsonl`: digests of the weights, so that a repetition can be held against them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cnnrun.engine.types import Array
from cnnrun.runs.digests import digests_of
from cnnrun.runs.events import EpochFinished, Event, StepFinished, Stopped, TrainingStarted

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
        self.path = path
        self.every = every
        self.take = take
        self.epoch = 0
        self.written = -1
        if path.exists():
            size = self._read_up_to(step) if step else 0
            if path.stat().st_size > size:
                os.truncate(path, size)

    def __call__(self, event: Event) -> None:
        """Write down what the weights are at the events that the class names."""
        match event:
            case TrainingStarted(step=0):
                self._write(0)
            case EpochFinished(metrics):
                self.epoch = metrics.epoch
                self._write(metrics.step)
            case StepFinished(step) if self.every and step % self.every == 0:
                self._write(step)
            case Stopped(step):
                self._write(step)

    def _read_up_to(self, step: int) -> int:
        """Go on behind the last line of that step or an earlier one; return where it ends."""
        size = 0
        with self.path.open("rb") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                    if entry["step"] > step or not line.endswith(b"\n"):
                        break
                    self.epoch, self.written = entry["epoch"], entry["step"]
                except (ValueError, TypeError, KeyError, RecursionError):
                    break  # a kill cut it; a later one replaces it
                size += len(line)
        return size

    def _write(self, step: int) -> None:
        if step == self.written:
            return
        entry = {"epoch": self.epoch, "step": step, "weights": digests_of(self.take())}
        with self.path.open("ab") as file:
            file.write(f"{json.dumps(entry)}\n".encode())
        self.written = step

"""Keeps `metrics.jsonl`: one line an epoch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cnnrun.runs.events import EpochFinished, Event

__all__ = ["EpochLog"]


class EpochLog:
    """Appends a line for every epoch; the line is on the disk when the call returns.

    Attributes:
        size: the bytes of the log that count; what a kill left behind them is cut at a resume.
    """

    def __init__(self, path: Path) -> None:
        """Go on with the file at `path`; it is created with the first line."""
        self.path = path
        self.size = path.stat().st_size if path.exists() else 0

    def __call__(self, event: Event) -> None:
        """Write a finished epoch down."""
        if not isinstance(event, EpochFinished):
            return
        line = json.dumps({"kind": "epoch", **event.metrics.to_json()}, allow_nan=False)
        with self.path.open("ab") as file:
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()

    def cut(self, size: int) -> None:
        """Forget what stands behind the first `size` bytes."""
        self.size = min(self.size, size)
        if self.path.exists():
            os.truncate(self.path, self.size)

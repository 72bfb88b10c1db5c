"""Keeps `metrics.jsonl`: one line an epoch."""

from __future__ import annotations

import json
import os
from pathlib import Path

from cnnrun.errors import RunError
from cnnrun.runs.events import EpochFinished, Event
from cnnrun.runs.files import sync_folder

__all__ = ["EpochLog"]


class EpochLog:
    """Appends a line for every epoch; the line is on the disk when the call returns.

    Attributes:
        size: the bytes of the log that count: those that a checkpoint taken now goes on from.
    """

    def __init__(self, path: Path, size: int = 0) -> None:
        """Go on behind the first `size` bytes of a file, and cut what stands there.

        Raises:
            RunError: it has fewer.
        """
        self.path = path
        self.size = size
        there = path.stat().st_size if path.exists() else 0
        if there < size:
            raise RunError(f"{path}: has {there} bytes, the checkpoint goes on from {size}")
        if there > size:
            os.truncate(path, size)

    def __call__(self, event: Event) -> None:
        """Write a finished epoch down."""
        if not isinstance(event, EpochFinished):
            return
        line = json.dumps({"kind": "epoch", **event.metrics.to_json()}, allow_nan=False)
        with self.path.open("ab") as file:
            file.write(f"{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())
            end = file.tell()
        if not self.size:
            sync_folder(self.path.parent)  # it may have been created
        self.size = end

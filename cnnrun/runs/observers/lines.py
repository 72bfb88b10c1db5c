"""Files of JSON lines that a training appends to, each line saying at which step it was written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["StepLines"]


class StepLines:
    """Appends to a file, and cuts what a resumed training will write again.

    Attributes:
        epoch: of the last line that stands in the file; 0 if there is none.
    """

    def __init__(self, path: Path, step: int) -> None:
        """Go on behind what was written up to a step, and cut what stands behind it.

        Args:
            path: the file.
            step: where the training stands.
        """
        self.path = path
        self.epoch, self._step = 0, -1
        if path.exists():
            size = self._read_up_to(step) if step else 0
            if path.stat().st_size > size:
                os.truncate(path, size)

    def append(self, epoch: int, step: int, **entry: Any) -> None:
        """Write a line; of a step that has one already it is left out."""
        if step == self._step:
            return
        line = json.dumps({"epoch": epoch, "step": step, **entry}, allow_nan=False)
        with self.path.open("ab") as file:
            file.write(f"{line}\n".encode())
        self.epoch, self._step = epoch, step

    def _read_up_to(self, step: int) -> int:
        """Go on behind the last line of that step or an earlier one; return where it ends."""
        size = 0
        with self.path.open("rb") as file:
            for line in file:
                try:
                    entry = json.loads(line)
                    if entry["step"] > step or not line.endswith(b"\n"):
                        break
                    self.epoch, self._step = entry["epoch"], entry["step"]
                except (ValueError, TypeError, KeyError, RecursionError):
                    break  # a kill cut it; a later one replaces it
                size += len(line)
        return size

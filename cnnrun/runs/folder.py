"""Run directories: claimed once, found by name, and locked while a training writes to them."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnrun.errors import RunError

__all__ = ["Run", "claim_run", "find_run", "list_runs"]


@dataclass(frozen=True)
class Run:
    """The directory of one training."""

    folder: Path

    @property
    def name(self) -> str:
        """The directory's name, such as `lenet-mnist5k-0001`."""
        return self.folder.name

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.folder / "config.yaml"

    @property
    def metrics(self) -> Path:
        """The log of epochs."""
        return self.folder / "metrics.jsonl"

    @property
    def plots(self) -> Path:
        """The folder of pictures."""
        return self.folder / "plots"

    def checkpoint(self, which: str) -> Path:
        """Return the folder of the checkpoint `last` or `best`."""
        return self.folder / "checkpoints" / which

    def read_record(self) -> dict[str, Any]:
        """Return what `run.json` says.

        Raises:
            RunError: it is missing or damaged.
        """
        path = self.folder / "run.json"
        try:
            document = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise RunError(f"{path}: missing; {self.folder} is not a complete run") from None
        except (OSError, ValueError) as error:
            raise RunError(f"{path}: cannot be read ({error})") from None
        if not isinstance(document, dict):
            raise RunError(f"{path}: not a run's record")
        return document

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the lines of the log that are whole.

        Raises:
            RunError: a line is damaged.
        """
        if not self.metrics.exists():
            return []
        lines = self.metrics.read_text("utf-8").split("\n")[:-1]  # what follows is a cut line
        try:
            return [json.loads(line) for line in lines]
        except ValueError as error:
            raise RunError(f"{self.metrics}: damaged ({error})") from None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for one process; the lock goes when the process does.

        Raises:
            RunError: another process holds it, or the folder is not writable.
        """
        try:
            handle = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RunError(f"{self.folder}: cannot be written to ({error.strerror})") from None
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise RunError(f"{self.folder}: another process is training this run") from None
            yield
        finally:
            os.close(handle)


def claim_run(runs_dir: Path, name: str) -> Run:
    """Create the next free directory `NAME-0001`, `NAME-0002`, ... and return it.

    Two that claim at once get two directories, since creating one is atomic.

    Raises:
        RunError: the directory cannot be created.
    """
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        taken = [
            int(match[1])
            for entry in runs_dir.iterdir()
            if (match := re.fullmatch(re.escape(name) + r"-(\d{4,})", entry.name))
        ]
        number = max(taken, default=0) + 1
        while True:
            folder = runs_dir / f"{name}-{number:04d}"
            try:
                folder.mkdir()
                return Run(folder)
            except FileExistsError:
                number += 1
    except OSError as error:
        raise RunError(f"{runs_dir}: cannot create a run ({error.strerror})") from None


def list_runs(runs_dir: Path) -> list[Run]:
    """Return the runs in a directory, the oldest first."""
    if not runs_dir.is_dir():
        return []
    found = [Run(path.parent) for path in runs_dir.glob("*/config.yaml")]
    return sorted(found, key=lambda run: (run.config.stat().st_mtime_ns, run.name))


def find_run(name: str, runs_dir: Path) -> Run:
    """Return the run called `name`: a directory, a name in `runs_dir`, or `last`.

    A name without its number means the newest of that name.

    Raises:
        RunError: there is none; the message says what there is.
    """
    runs = list_runs(runs_dir)
    if name == "last":
        if not runs:
            raise RunError(f"{runs_dir}: there are no runs yet; `cnnrun train` makes one")
        return runs[-1]
    for folder in (runs_dir / name, Path(name)):
        if folder.is_dir():
            if (folder / "config.yaml").is_file():
                return Run(folder)
            raise RunError(f"{folder}: not a run; it has no config.yaml")
    same = [run for run in runs if re.fullmatch(re.escape(name) + r"-\d{4,}", run.name)]
    if same:
        return same[-1]
    known = ", ".join(run.name for run in runs[-5:]) or "none"
    raise RunError(f"no run is called {name!r} in {runs_dir}; the latest: {known}")

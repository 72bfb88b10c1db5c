"""`run.json`: under what circumstances a run was made, and what came of it."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

import cnnrun
from cnnrun.engine.kernels import accelerated
from cnnrun.runs.events import Diverged, EpochFinished, Event, Stopped, TrainingFinished
from cnnrun.runs.files import write_json
from cnnrun.runs.folder import Run

__all__ = ["Recorder", "environment", "now"]


def now() -> str:
    """Return the time as ISO 8601, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment() -> dict[str, Any]:
    """Return what the result may depend on besides the configuration."""
    libraries: list[dict[str, Any]] = threadpool_info()
    blas = next((info for info in libraries if info.get("user_api") == "blas"), {})
    return {
        "git": _git(),
        "versions": {
            "cnnrun": cnnrun.__version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            **({"numba": numba} if (numba := accelerated.version()) else {}),
            "blas": f"{blas.get('internal_api', 'unknown')} {blas.get('version') or ''}".strip(),
        },
        "cpu": _cpu(),
        "platform": platform.platform(),
    }


class Recorder:
    """Keeps `run.json` up to date with the events of a training."""

    def __init__(self, run: Run, document: dict[str, Any]) -> None:
        """Write the first version of `document`."""
        self.run = run
        self.document = document
        self.save()

    def __call__(self, event: Event) -> None:
        """Note what an event says."""
        if isinstance(event, EpochFinished):
            metrics = event.metrics.to_json()
            self.document["final"] = metrics
            self.document["seconds"] += metrics["seconds"]
            if event.improved:
                self.document["best"] = metrics
        elif isinstance(event, TrainingFinished):
            self.end("finished")
            return
        elif isinstance(event, Stopped):
            self.end("interrupted")
            return
        elif isinstance(event, Diverged):
            self.end("diverged", event.message)
            return
        else:
            return
        self.save()

    def end(self, status: str, error: str | None = None) -> None:
        """Note how the run ended."""
        self.document.update(status=status, finished=now(), error=error)
        self.save()

    def save(self) -> None:
        """Replace `run.json`."""
        write_json(self.run.folder / "run.json", self.document)


def _git() -> dict[str, Any] | None:
    """Return the commit of the working directory's repository, and whether it has changes."""
    try:
        commit, status = (
            subprocess.run(
                ["git", *arguments], capture_output=True, text=True, timeout=10, check=True
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit, "dirty": bool(status)}


def _cpu() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

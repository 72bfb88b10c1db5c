"""Keeps `run.json`: under what circumstances a run was made, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnrun.runs.environment import now
from cnnrun.runs.events import (
    Diverged,
    EpochFinished,
    Event,
    FinalTest,
    RanksJoined,
    Stopped,
    StoppedEarly,
    WorkersSlow,
)
from cnnrun.runs.files import write_json

__all__ = ["RecordWriter"]


class RecordWriter:
    """Keeps `run.json` up to date with the events of a training."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        """Go on from a `document` that stands, or will, in the file at `path`."""
        self.path = path
        self.document = document

    def __call__(self, event: Event) -> None:
        """Note what an event says."""
        match event:
            case EpochFinished(metrics, improved):
                figures = metrics.to_json()
                best = {"best": figures} if improved else {}
                seconds = self.document["seconds"] + figures["seconds"]
                self.note(final=figures, seconds=seconds, **best)
            case FinalTest():
                self.document["test"] = event.to_json()
                self.end("finished")
            case StoppedEarly():
                self.note(stopped_early=event.to_json())
            case RanksJoined():
                self.note(ranks=event.to_json())
            case WorkersSlow():
                self.note(workers_slow=event.to_json())
            case Stopped():
                self.end("interrupted")
            case Diverged(_, message):
                self.end("diverged", message)

    def end(self, status: str, error: str | None = None) -> None:
        """Note how the run ended."""
        self.note(status=status, finished=now(), error=error)

    def note(self, **values: Any) -> None:
        """Set keys of the document, and replace the file."""
        self.document.update(values)
        write_json(self.path, self.document)

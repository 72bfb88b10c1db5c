"""The first lines of a report: what came of a run, and how far that is checked."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.folder import Run, list_runs

__all__ = ["Line", "verdict_lines"]


@dataclass(frozen=True)
class Line:
    """A line of the verdict; `good` is None where it is neither good nor bad."""

    words: str
    good: bool | None = None


def verdict_lines(run: Run, record: dict[str, Any], evaluation: Evaluation | None) -> list[Line]:
    """Return the lines: the result, the gradient check, whether the run was reproduced."""
    lines = []
    if evaluation is not None:
        samples = f"{evaluation.samples:,} test samples"
        lines.append(Line(f"{evaluation.figures.summary_with_intervals}; {samples}"))
    if record["status"] != "finished":
        error = f": {record['error']}" if record.get("error") else ""
        is_bad = record["status"] in ("diverged", "failed")
        lines.append(Line(f"The run is {record['status']}{error}", False if is_bad else None))
    return [*lines, _gradients(run, record), _reproduced(run)]


def _gradients(run: Run, record: dict[str, Any]) -> Line:
    """Return what a gradient check said, of the record or of the file beside it."""
    checked = record.get("gradcheck")
    with suppress(OSError, ValueError, RecursionError):  # not checked, or somebody else's file
        checked = json.loads((run.folder / "gradcheck.json").read_bytes())
    if not isinstance(checked, dict) or "verdict" not in checked:
        return Line(f"Gradients: not checked (cnnrun gradcheck {run.name})")
    verdict, summary = str(checked["verdict"]), str(checked.get("summary", ""))
    return Line(f"Gradients: {summary or verdict}", {"pass": True, "fail": False}.get(verdict))


def _reproduced(run: Run) -> Line:
    """Return what the last repetition of the run said: a run beside it, whose record names it."""
    verdict, again = None, ""
    for other in list_runs(run.folder.parent):
        if other.reproduces == run.name and (said := other.record["reproduces"].get("verdict")):
            verdict, again = str(said), other.name
    if verdict is None:
        return Line(f"Not reproduced yet (cnnrun reproduce {run.name})")
    good = {"same": True, "within tolerance": True, "different": False}.get(verdict)
    return Line(f"Trained again: {verdict} ({again})", good)

"""The runs of a sweep, told by what their records say; the sweep's storage is not asked."""

from __future__ import annotations

from pathlib import Path

from cnnrun.errors import RunError
from cnnrun.runs.choosing import rank
from cnnrun.runs.folder import Run, list_runs

__all__ = ["best_of_sweep"]

MOST = 8
"""So many columns can still be read."""


def best_of_sweep(name: str, runs_dir: Path, most: int = MOST) -> list[Run]:
    """Return the best finished runs of a sweep, the best first; none if no run is of it.

    Which are best, the metric says that their best epochs are chosen by.
    """
    ranked = []
    for run in list_runs(runs_dir):
        try:
            record = run.record
        except RunError:
            continue
        is_of_it = (record.get("sweep") or {}).get("name") == name
        if is_of_it and record["status"] == "finished" and record.get("best"):
            metric = str(record.get("chosen_by") or "auto").removeprefix("train_")
            ranked.append((rank(record["best"], metric), run))
    ranked.sort(key=lambda item: item[0], reverse=True)
    return [run for _, run in ranked[:most]]

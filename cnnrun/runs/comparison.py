"""Runs side by side: the figures of each, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnrun.config import to_dict
from cnnrun.errors import ConfigError, RunError
from cnnrun.notebook import cell, html_table
from cnnrun.runs.differences import differences
from cnnrun.runs.folder import Run, find_run
from cnnrun.runs.keeping import tags_of
from cnnrun.runs.plugins import load_run_experiment

__all__ = ["FIGURES", "Comparison", "compare", "flat", "sort_summaries", "summarize_run"]

FIGURES = ("name", "status", "epochs", "val_loss", "val_accuracy", "test_accuracy", "seconds")


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side.

    Attributes:
        runs: their names.
        settings: by path, such as `network[0].conv2d.filters`, the value in each run; only those
            that differ. Where the layers are others, those of a kind are matched, and counted from
            1: `network.conv2d#2.filters`; one that a run does not have is None there.
        results: by figure, the value of each run.
    """

    runs: list[str]
    settings: dict[str, list[Any]]
    results: dict[str, list[Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as a JSON document."""
        return asdict(self)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a column for each run."""
        rows = [
            (name, *map(cell, values))
            for name, values in (*self.settings.items(), *self.results.items())
        ]
        summary = f"{len(self.settings)} settings differ"
        return html_table("runs side by side", summary, ("", *self.runs), rows)


def compare(runs: Sequence[Run | str], runs_dir: Path | str = "runs") -> Comparison:
    """Return what differs between runs, and what came of each.

    Args:
        runs: two or more: runs, or their names or folders.
        runs_dir: where a run of that name is looked for.

    Raises:
        ConfigError: there is nothing to compare.
        RunError: there is no such run, or it is damaged.
    """
    if isinstance(runs, Run | str) or len(runs) < 2:
        raise ConfigError("name two runs or more, to compare them")
    opened = [find_run(run, Path(runs_dir)) if isinstance(run, str) else run for run in runs]
    settings = [to_dict(load_run_experiment(run, check_network=False)) for run in opened]
    rows = [summarize_run(run) for run in opened]
    results = {figure: [row[figure] for row in rows] for figure in (*FIGURES[1:], "parameters")}
    return Comparison([run.name for run in opened], differences(settings), results)


def summarize_run(run: Run) -> dict[str, Any]:
    """Return a run's figures by the names of `FIGURES`, its number of parameters, and its tags.

    The figures whose names begin with `val_` are those of its best epoch.
    """
    try:
        record, tags = run.record, tags_of(run)
    except RunError:
        return {
            **dict.fromkeys((*FIGURES, "parameters")),
            "name": run.name,
            "status": "damaged",
            "tags": [],
            "reproduces": None,
        }
    best, final = record.get("best") or {}, record.get("final") or {}
    return {
        "name": run.name,
        "status": record.get("status"),
        "epochs": final.get("epoch", 0),
        "val_loss": best.get("val_loss"),
        "val_accuracy": best.get("val_accuracy"),
        "test_accuracy": (record.get("test") or {}).get("accuracy"),
        "seconds": record.get("seconds"),
        "parameters": record.get("parameters"),
        "tags": tags,
        "reproduces": (record.get("reproduces") or {}).get("run"),
    }


def sort_summaries(rows: list[dict[str, Any]], figure: str) -> None:
    """Sort summaries by a figure, the best first, those without it last.

    Raises:
        ConfigError: there is no such figure.
    """
    if figure not in FIGURES:
        raise ConfigError(f"--sort: {figure} is not one of {', '.join(FIGURES)}")
    sign = -1 if "accuracy" in figure else 1

    def key(row: dict[str, Any]) -> tuple[bool, Any]:
        value = row[figure]
        if value is None:
            return True, 0
        return False, value if isinstance(value, str) else sign * value

    rows.sort(key=key)


def flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of a document with their paths."""
    if isinstance(value, dict) and value:
        return [
            leaf
            for key, item in value.items()
            for leaf in flat(item, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [leaf for index, item in enumerate(value) for leaf in flat(item, f"{path}[{index}]")]
    return [(path, value)]

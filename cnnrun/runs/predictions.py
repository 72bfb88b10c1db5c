"""Writes an evaluation to files: a table of every sample's scores, and pictures.

Each evaluation has files of its own: `predictions.csv` is the test split with the best weights,
`predictions-val-last.csv` another, and `predictions-FILE-best.csv` is that of other data.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.model import Model

__all__ = ["write_evaluation"]


def write_evaluation(model: Model, evaluation: Evaluation) -> list[Path]:
    """Write what was predicted of every sample, and the pictures of the task; return the files."""
    run, suffix = model.run, _suffix(evaluation, model.checkpoint)
    table = run.folder / f"predictions{suffix}.csv"
    _write_table(table, evaluation)
    title = f"{run.name}: {evaluation.title}, {model.checkpoint} weights"
    pictures = evaluation.figures.draw(lambda name: run.plots / f"{name}{suffix}.png", title)
    return [table, *pictures]


def _suffix(evaluation: Evaluation, checkpoint: str) -> str:
    """Return what tells an evaluation's files from those of the others; none for the usual one."""
    data, parts = evaluation.data, [evaluation.split, checkpoint]
    if data is None:
        parts = [] if parts == ["test", "best"] else parts
    else:
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", data.resolve().name)
        parts.insert(0, f"{name}-folder" if data.is_dir() else name)  # it may be called `val`
    return "".join(f"-{part}" for part in parts if part)


def _write_table(path: Path, evaluation: Evaluation) -> None:
    figures, files = evaluation.figures, evaluation.files
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", *(["file"] if files else []), *figures.heading()])
        for index, row in enumerate(figures.rows()):
            writer.writerow([index, *files[index : index + 1], *row])

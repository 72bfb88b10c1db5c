"""Writes an evaluation to files: a table of every sample's scores, and pictures.

Each evaluation has files of its own: `predictions.csv` is the test split with the best weights,
`predictions-val-last.csv` another, and `predictions-FILE-best.csv` is that of other data. Where
others have that name already, which `evaluations.json` tells, a digest is put behind it.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from cnnrun.errors import RunError
from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.files import replace_file, write_json
from cnnrun.runs.folder import Run
from cnnrun.runs.model import Model
from cnnrun.untrusted import csv_text

__all__ = ["write_evaluation"]


def write_evaluation(model: Model, evaluation: Evaluation) -> list[Path]:
    """Write what was predicted of every sample, and the pictures of the task; return the files.

    Each takes the place of an earlier one whole, or not at all.

    Raises:
        RunError: one cannot be written, or the notes of whose files they are, are damaged.
    """
    run, suffix = model.run, _own_suffix(model.run, evaluation, model.checkpoint)
    table = run.folder / f"predictions{suffix}.csv"
    title = f"{run.name}: {evaluation.title}, {model.checkpoint} weights"
    try:
        _write_table(table, evaluation)
        pictures = evaluation.figures.draw(lambda name: run.plots / f"{name}{suffix}.png", title)
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be written ({error.strerror})") from None
    return [table, *pictures]


def _own_suffix(run: Run, evaluation: Evaluation, checkpoint: str) -> str:
    """Return what tells an evaluation's files from those of others, and note whose they are.

    Raises:
        RunError: the notes are damaged, or cannot be written.
    """
    suffix, identity = _suffix(evaluation, checkpoint), evaluation.data_identity
    if not identity:
        return suffix
    file = run.folder / "evaluations.json"
    notes = _read_notes(file)
    if notes.get(suffix, identity) != identity:
        suffix = f"{suffix}-{hashlib.sha256(identity.encode()).hexdigest()[:8]}"
    if notes.get(suffix) != identity:
        try:
            write_json(file, {**notes, suffix: identity})
        except OSError as error:
            raise RunError(f"{file}: cannot be written ({error.strerror})") from None
    return suffix


def _read_notes(file: Path) -> dict[str, str]:
    """Return by suffix of the files which data they are of."""
    try:
        notes = json.loads(file.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise RunError(f"{file}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        notes = None
    if not isinstance(notes, dict):
        raise RunError(f"{file}: damaged; remove it, and evaluate the data again")
    return notes


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
    heading = ["index", *(["file"] if files else []), *figures.heading()]
    rows = ([index, *files[index : index + 1], *row] for index, row in enumerate(figures.rows()))
    replace_file(path, csv_text(heading, rows).encode("utf-8", "backslashreplace"))

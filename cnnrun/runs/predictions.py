"""Writes an evaluation to files: a table of every sample's scores, and pictures.

Each evaluation has files of its own: `predictions.csv` is the test split with the best weights,
`predictions-val-last.csv` another, and `predictions-FILE-best.csv` is that of other data. Where
others have that name already, which `evaluations.json` tells, a digest is put behind it.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from pathlib import Path

from cnnrun.engine.types import Array
from cnnrun.errors import RunError
from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.files import write_json
from cnnrun.runs.folder import Run
from cnnrun.runs.model import Model
from cnnrun.runs.plots import plot_confusion, plot_mistakes

__all__ = ["write_evaluation"]


def write_evaluation(model: Model, evaluation: Evaluation) -> list[Path]:
    """Write predictions, the confusion matrix and the worst mistakes; return the files.

    There are none for an autoencoder, no pictures where an image has several labels, and none of
    mistakes where there are no mistakes.
    """
    if evaluation.scores is None:
        return []
    run, suffix = model.run, _own_suffix(model.run, evaluation, model.checkpoint)
    table = run.folder / f"predictions{suffix}.csv"
    _write_table(table, evaluation)
    matrix = evaluation.confusion_matrix
    if matrix is None:
        return [table]
    picture = run.plots / f"confusion_matrix{suffix}.png"
    title = f"{run.name}: {evaluation.title}, {model.checkpoint} weights"
    plot_confusion(matrix, evaluation.class_names, title, picture)
    gallery = run.plots / f"mistakes{suffix}.png"
    if not evaluation.mistakes:
        gallery.unlink(missing_ok=True)  # of an earlier evaluation
        return [table, picture]
    shown, wrong = len(evaluation.mistakes), int(matrix.sum() - matrix.trace())
    which = f"all {wrong}" if shown == wrong else f"the worst {shown} of {wrong:,}"
    title = f"{title}: {which} mistakes, the most confident first"
    plot_mistakes(evaluation.mistakes, evaluation.class_names, title, gallery)
    return [table, picture, gallery]


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
    assert evaluation.scores is not None
    names = evaluation.class_names
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        files = ["file"] if evaluation.files else []
        heading = ["index", *files, "true", "predicted"]
        writer.writerow([*heading, *(f"p_{name}" for name in names)])
        for index, (scores, label) in enumerate(
            zip(evaluation.scores, evaluation.labels, strict=True)
        ):
            if evaluation.labels.ndim == 1:
                true, predicted = names[int(label)], names[int(scores.argmax())]
            else:  # several labels an image
                true, predicted = _listed(names, label), _listed(names, scores)
            file_name = evaluation.files[index : index + 1]
            values = (f"{score:.6g}" for score in scores)
            writer.writerow([index, *file_name, true, predicted, *values])


def _listed(names: tuple[str, ...], values: Array) -> str:
    return "|".join(name for name, value in zip(names, values, strict=True) if value > 0.5)

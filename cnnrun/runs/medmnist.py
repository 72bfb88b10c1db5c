"""MedMNIST's way of measuring: its figures, its result files, and what was published.

A result file has a line for each sample, its index and its scores, without a heading; the name says
what was measured, and the run: `breastmnist_test_[AUC]0.901_[ACC]0.863@breastmnist-0001.csv`.
`medmnist.Evaluator.parse_and_evaluate` reads it.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.data.sources import MedMnist
from cnnrun.engine.types import Array
from cnnrun.errors import RunError
from cnnrun.runs.evaluation import Evaluation
from cnnrun.runs.files import replace_file
from cnnrun.runs.measures.metrics import accuracy
from cnnrun.runs.model import Model

__all__ = ["MedMnistFigures", "Published", "medmnist_figures", "write_result_file"]

THRESHOLD = 0.5


@dataclass(frozen=True)
class Published:
    """Figures of others on the test split."""

    auc: float
    accuracy: float
    model: str = "ResNet-18 at 28x28"
    source: str = "Yang et al., Scientific Data 2023"


@dataclass(frozen=True)
class MedMnistFigures:
    """What MedMNIST's evaluator says of the same scores.

    Attributes:
        title: the name of the set in papers.
        auc: the mean over classes or labels, each against all others; None if one is missing.
        accuracy: right are those on the side of 0.5 for two classes or several labels, else the
            highest score.
        published: beside these, where it is known.
    """

    title: str
    auc: float | None
    accuracy: float
    published: Published | None

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as a JSON document."""
        return asdict(self)


def medmnist_figures(model: Model, evaluation: Evaluation) -> MedMnistFigures | None:
    """Return the figures of an evaluation as MedMNIST's; None of other data."""
    source = _source(model, evaluation)
    if source is None or evaluation.scores is None or evaluation.labels is None:
        return None
    known, scores, labels = source.known, evaluation.scores, evaluation.labels
    right = _binary_accuracy(scores, labels) if known.binary else accuracy(scores, labels)
    published = None
    if known.published and source.size == 28 and evaluation.split == "test":
        published = Published(known.published["auc"], known.published["accuracy"])
    return MedMnistFigures(known.title, evaluation.auc, right, published)


def write_result_file(model: Model, evaluation: Evaluation) -> list[Path]:
    """Write the file that MedMNIST's evaluator reads into the run's folder; none of other data.

    It takes the place of an earlier one of the same split and checkpoint.

    Raises:
        RunError: it cannot be written; an earlier one is kept.
    """
    source, figures = _source(model, evaluation), medmnist_figures(model, evaluation)
    if source is None or figures is None or evaluation.scores is None:
        return []
    folder, start = model.run.folder, f"{source.file_name}_{evaluation.split}_"
    which = "" if model.checkpoint == "best" else f"-{model.checkpoint}"
    end = f"@{model.run.name.replace('.', '_')}{which}.csv"  # its reader ends the run at a dot
    auc = math.nan if figures.auc is None else figures.auc
    path = folder / f"{start}[AUC]{auc:.3f}_[ACC]{figures.accuracy:.3f}{end}"
    text = io.StringIO(newline="")
    csv.writer(text).writerows([n, *row] for n, row in enumerate(evaluation.scores.tolist()))
    try:
        replace_file(path, text.getvalue().encode())
        for other in folder.iterdir():
            if other.name.startswith(start) and other.name.endswith(end) and other != path:
                other.unlink()
    except OSError as error:
        raise RunError(f"{error.filename}: cannot be written ({error.strerror})") from None
    return [path]


def _source(model: Model, evaluation: Evaluation) -> MedMnist | None:
    """Return the set of MedMNIST that was measured, if it is one."""
    source = model.experiment.data.dataset
    return source if isinstance(source, MedMnist) and evaluation.data is None else None


def _binary_accuracy(scores: Array, labels: Array) -> float:
    """Return the share of right predictions, the second class being those above the threshold."""
    return float(np.mean((scores[:, 1] > THRESHOLD) == labels))

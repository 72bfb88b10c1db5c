"""`cnnrun evaluate`: measures a trained network on a split."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cnnrun.cli.options import (
    Checkpoint,
    Json,
    Plugins,
    Quiet,
    RunName,
    RunsDir,
    Workers,
    default_workers,
)
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import figure, print_table, share, table
from cnnrun.cli.trained import Trained, load_trained
from cnnrun.errors import DataError

if TYPE_CHECKING:
    from cnnrun.data import Samples
    from cnnrun.engine.types import Array
    from cnnrun.runs import Evaluation
    from cnnrun.runs.metrics import ClassMetrics

NAME = "evaluate"


def command(
    run: RunName,
    checkpoint: Checkpoint = "best",
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Which split to measure.")
    ] = "test",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Other data: an .npz file, or a folder of images; all of it if it has no splits."
        ),
    ] = None,
    workers: Workers = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a trained network: loss, accuracy, per-class figures, confusion matrix.

    Example: cnnrun evaluate last
    """
    from cnnrun.engine import Executor
    from cnnrun.runs import evaluate

    trained = load_trained(run, runs_dir, checkpoint, plugin)
    samples = _samples(trained, data, split)
    with Executor(
        trained.network, trained.experiment.loss, workers=workers or default_workers()
    ) as executor:
        result = evaluate(executor, samples)
    document: dict[str, Any] = {
        "run": str(trained.run.folder),
        "checkpoint": checkpoint,
        "split": split,
        "samples": len(samples),
        "loss": result.loss,
        "accuracy": result.accuracy,
    }
    if result.scores is None:
        document.update(per_class=[], confusion_matrix=None)
        figures: list[ClassMetrics] = []
        matrix = None
    else:
        figures, matrix = _measure(trained, result, document)
        files = _write(trained, result, matrix, f"{split}, {checkpoint} weights")
        message("\n".join(f"wrote {file}" for file in files), quiet=quiet or json)
    if json:
        print_json(document)
    else:
        _show(trained, document, figures, matrix)


def _samples(trained: Trained, path: Path | None, split: str) -> Samples:
    """Return a split of the run's data, or other data; normalised as in training."""
    from cnnrun.data import Samples, prepare
    from cnnrun.data.sources import ImageFolder, Npz

    options, experiment = trained.experiment.data, trained.experiment
    if path is None:
        prepared = prepare(options, experiment.seed, experiment.base, statistics=trained.statistics)
        return prepared.samples(split)
    names, (height, width, channels) = trained.info.class_names, trained.info.image_shape
    source = (
        ImageFolder(str(path.absolute()), (height, width), channels, names)  # type: ignore[arg-type]
        if path.is_dir()
        else Npz(str(path.absolute()), names)
    )
    data = source.load(Path())
    if data.info.image_shape != trained.info.image_shape:
        raise DataError(
            f"{path}: images of shape {data.info.image_shape}; the network takes "
            f"{trained.info.image_shape}"
        )
    own = options.targets == "inputs"
    return Samples(data.split(split), trained.statistics, inputs_are_targets=own)


def _measure(
    trained: Trained, result: Evaluation, document: dict[str, Any]
) -> tuple[list[ClassMetrics], Array | None]:
    """Add per-class figures and the confusion matrix to the document, and return them."""
    from cnnrun.runs.metrics import confusion_matrix, per_class

    assert result.scores is not None
    names = trained.info.class_names
    figures = per_class(result.scores, result.labels, names)
    matrix = None
    if result.labels.ndim == 1:
        matrix = confusion_matrix(result.scores.argmax(axis=1), result.labels, len(names))
    rows = [asdict(entry) for entry in figures]
    document["per_class"] = [{"class": row.pop("name"), **row} for row in rows]
    document["confusion_matrix"] = matrix.tolist() if matrix is not None else None
    return figures, matrix


def _write(trained: Trained, result: Evaluation, matrix: Array | None, what: str) -> list[Path]:
    """Write predictions.csv and the confusion matrix's picture into the run."""
    from cnnrun.runs.plots import plot_confusion

    assert result.scores is not None
    names = trained.info.class_names
    path = trained.run.folder / "predictions.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "true", "predicted", *(f"p_{name}" for name in names)])
        for index, (scores, label) in enumerate(zip(result.scores, result.labels, strict=True)):
            if matrix is not None:
                true, predicted = names[int(label)], names[int(scores.argmax())]
            else:  # several labels an image
                pairs = list(zip(names, label > 0.5, scores > 0.5, strict=True))
                true = "|".join(name for name, is_true, _ in pairs if is_true)
                predicted = "|".join(name for name, _, chosen in pairs if chosen)
            writer.writerow([index, true, predicted, *(f"{score:.6g}" for score in scores)])
    if matrix is None:
        return [path]
    picture = trained.run.plots / "confusion_matrix.png"
    plot_confusion(matrix, names, f"{trained.run.name}: {what}", picture)
    return [path, picture]


def _show(
    trained: Trained,
    document: dict[str, Any],
    figures: list[ClassMetrics],
    matrix: Array | None,
) -> None:
    summary = f"loss {figure(document['loss'])}"
    if document["accuracy"] is not None:
        summary = f"accuracy {share(document['accuracy'])}, {summary}"
    where = f"{document['split']} split, {document['samples']:,} samples"
    print(f"{trained.run.name}, {document['checkpoint']} weights, {where}: {summary}")
    if figures:
        made = table(
            "per class", ["class", "precision", "recall", "F1", "AUC", "support"], left=["class"]
        )
        for entry in figures:
            made.add_row(
                entry.name,
                figure(entry.precision),
                figure(entry.recall),
                figure(entry.f1),
                figure(entry.auc),
                str(entry.support),
            )
        print_table(made)
    if matrix is not None and len(matrix) <= 20:
        names = trained.info.class_names
        made = table("confusion matrix (rows: true class, columns: predicted)", ["", *names])
        for name, row in zip(names, matrix, strict=True):
            made.add_row(name, *(str(count) if count else "." for count in row))
        print_table(made)

"""`cnnrun evaluate`: measures a trained network on a split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.options import (
    Checkpoint,
    DataRoots,
    Json,
    Plugins,
    Quiet,
    RunName,
    RunsDir,
    Workers,
    load_run,
)
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import figure, print_table, print_text

if TYPE_CHECKING:
    from cnnrun.engine.types import Array
    from cnnrun.runs import Evaluation, Model
    from cnnrun.runs.medmnist import MedMnistFigures

NAME = "evaluate"

MOST_COLUMNS = 20
"""Of a confusion matrix that is printed as such; a larger one is printed as a list."""


def command(
    run: RunName,
    checkpoint: Checkpoint = "best",
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Which split to measure.")
    ] = "test",
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|DATASET",
            help="Other data: a folder of images, a file (.npz, CSV, IDX), or a data set as a "
            "configuration writes it: '{npz: {path: x.npz, axes: NCHW}}'. All of it if it has no "
            "splits.",
        ),
    ] = None,
    workers: Workers = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a trained network: loss, accuracy, per-class figures, confusion matrix.

    Behind a figure stands its 95% interval over the samples.
    Of numbers it says MAE, RMSE and R2; of images MAE and PSNR.

    Example: cnnrun evaluate last
    """
    from cnnrun.runs.medmnist import medmnist_figures, write_result_file
    from cnnrun.runs.predictions import write_evaluation

    model = load_run(run, runs_dir, plugin, data_root).model(checkpoint)
    evaluation = model.evaluate(split, data=data, workers=workers)
    if evaluation.data_changed:
        message(
            f"warning: the data set has changed since {model.run.name} was trained (its SHA-256 "
            "differs); the splits may hold other images than they did then",
            quiet=quiet or json,
        )
    written = [*write_evaluation(model, evaluation), *write_result_file(model, evaluation)]
    for file in written:
        message(f"wrote {file}", quiet=quiet or json)
    medmnist = medmnist_figures(model, evaluation)
    if json:
        figures = evaluation.to_dict()
        if medmnist is not None:
            figures["medmnist"] = medmnist.to_dict()
        print_json({"run": str(model.run.folder), "checkpoint": checkpoint, **figures})
    else:
        show(model, evaluation)
        if medmnist is not None:
            _show_medmnist(medmnist)
        for note in evaluation.notes:
            print_text(note)


def show(model: Model, evaluation: Evaluation) -> None:
    """Print the figures of an evaluation."""
    summary = f"{evaluation.figures.summary_with_intervals}, loss {figure(evaluation.loss)}"
    where = f"{evaluation.title}, {evaluation.samples:,} samples"
    print_text(f"{model.run.name}, {model.checkpoint} weights, {where}: {summary}")
    table = evaluation.figures.table
    rows = [[_cell(value) for value in row] for row in table.rows]
    print_table(table.title, table.columns, rows, left=table.columns[:1])
    matrix = evaluation.confusion_matrix
    if matrix is not None:
        _show_confusions(matrix, evaluation.class_names)


def _show_medmnist(figures: MedMnistFigures) -> None:
    """Print what MedMNIST's evaluator says, beside what was published."""
    rows = [["this network", figure(figures.auc), figure(figures.accuracy)]]
    if published := figures.published:
        who = f"{published.model} ({published.source})"
        rows.append([who, figure(published.auc), figure(published.accuracy)])
    title = f"{figures.title} as MedMNIST's evaluator measures it"
    print_table(title, ["", "AUC", "accuracy"], rows, left=[""])


def _cell(value: str | int | float | None) -> str:
    """Return a cell of a table of figures."""
    return figure(value) if value is None or isinstance(value, float) else str(value)


def _show_confusions(matrix: Array, names: tuple[str, ...]) -> None:
    """Print a confusion matrix; where it is large, what is not zero of it."""
    if len(names) <= MOST_COLUMNS:
        title = "confusion matrix (rows: true class, columns: predicted)"
        rows = [
            [name, *(str(count) if count else "." for count in counts)]
            for name, counts in zip(names, matrix, strict=True)
        ]
        print_table(title, ["", *names], rows)
        return
    rows = []
    for true, (name, counts) in enumerate(zip(names, matrix, strict=True)):
        wrong = [number for number in counts.argsort()[::-1] if counts[number] and number != true]
        mistaken = ", ".join(f"{names[number]}: {counts[number]}" for number in wrong)
        rows.append([name, str(counts[true]), mistaken or "-"])
    columns = ["true class", "right", "mistaken for, as often as"]
    print_table("confusions", columns, rows, left=[columns[0], columns[2]])

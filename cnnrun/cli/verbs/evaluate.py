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
from cnnrun.cli.tables import figure, print_table, share, table

if TYPE_CHECKING:
    from cnnrun.runs import Evaluation, Model

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
            metavar="PATH",
            help="Other data: an .npz file, or a folder of images; all of it if it has no splits.",
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

    Example: cnnrun evaluate last
    """
    from cnnrun.runs.predictions import write_evaluation

    model = load_run(run, runs_dir, plugin, data_root).model(checkpoint)
    evaluation = model.evaluate(split, data=data, workers=workers)
    for file in write_evaluation(model, evaluation):
        message(f"wrote {file}", quiet=quiet or json)
    if json:
        figures = evaluation.to_dict()
        print_json({"run": str(model.run.folder), "checkpoint": checkpoint, **figures})
    else:
        _show(model, evaluation)


def _show(model: Model, evaluation: Evaluation) -> None:
    summary = f"loss {figure(evaluation.loss)}"
    if evaluation.accuracy is not None:
        summary = f"accuracy {share(evaluation.accuracy)}, {summary}"
    where = f"{evaluation.title}, {evaluation.samples:,} samples"
    print(f"{model.run.name}, {model.checkpoint} weights, {where}: {summary}")
    if classes := evaluation.per_class:
        made = table(
            "per class", ["class", "precision", "recall", "F1", "AUC", "support"], left=["class"]
        )
        for entry in classes:
            made.add_row(
                entry.name,
                figure(entry.precision),
                figure(entry.recall),
                figure(entry.f1),
                figure(entry.auc),
                str(entry.support),
            )
        print_table(made)
    matrix = evaluation.confusion_matrix
    if matrix is not None and len(matrix) <= 20:
        names = evaluation.class_names
        made = table("confusion matrix (rows: true class, columns: predicted)", ["", *names])
        for name, row in zip(names, matrix, strict=True):
            made.add_row(name, *(str(count) if count else "." for count in row))
        print_table(made)

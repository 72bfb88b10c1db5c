"""`cnnrun predict`: says what a trained network sees in image files, or writes what it makes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cnnrun.cli.options import Checkpoint, Json, Plugins, Quiet, RunName, RunsDir, load_run
from cnnrun.cli.output import message, print_json, write_csv
from cnnrun.cli.progress import with_bar
from cnnrun.cli.tables import print_table

NAME = "predict"

NEEDED = "is needed, since this network makes images; it says into which folder they go"
NOT_NEEDED = "goes with networks that make images; this one says what it sees"


def command(
    run: RunName,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE|FOLDER", help="Image files, or folders: all images in and below them."
        ),
    ],
    checkpoint: Checkpoint = "best",
    top: Annotated[int, typer.Option(metavar="N", min=1, help="How many classes to show.")] = 3,
    resize: Annotated[bool, typer.Option("--resize", help="Scale images to fit.")] = False,
    output: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the images go that a network makes of these."),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write a table of all, instead of showing it."),
    ] = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a trained network sees in image files: classes, labels, numbers, or images.

    Example: cnnrun predict last seven.png
    """
    from cnnrun.errors import DataError
    from cnnrun.runs.answers import answers
    from cnnrun.runs.file_predictions import (
        find_images,
        output_files,
        predict_files,
        save_predictions,
    )

    model = load_run(run, runs_dir, plugin).model(checkpoint)
    if (model.task == "image") != (output is not None):
        raise typer.BadParameter(NEEDED if output is None else NOT_NEEDED, param_hint="--output")
    files = find_images(images)
    predictions = predict_files(model, files, resize=resize)
    if output is not None:
        predictions = save_predictions(predictions, output_files(files, output))
    words = answers(model.task, model.info.class_names)
    rows: list[Any] = []
    problems = []
    for prediction in with_bar(predictions, len(files), "image", quiet=quiet or json):
        image = str(prediction.file.path)
        if prediction.output is None:
            problems.append(prediction.problem)
        elif json:
            rows.append({"image": image, **words.document(prediction.output)})
        elif table is not None:
            rows.append([image, *words.cells(prediction.output)])
        else:
            lines = words.lines(prediction.output, top)
            rows += [["" if place else image, *line] for place, line in enumerate(lines)]
    if json:
        print_json({"run": str(model.run.folder), "predictions": rows})
    elif table is not None:
        write_csv(table, ["image", *words.heading], rows)
        message(f"wrote {table}", quiet=quiet)
    elif rows:
        columns = ["image", *words.columns]
        print_table(model.run.name, columns, rows, left=columns[:2], keys=2)
    if problems:
        raise DataError(_listed(problems, len(files)))


def _listed(problems: list[str], count: int) -> str:
    """Return what is wrong with files that could not be used; all others have been."""
    if count == 1:
        return problems[0]
    return "\n  ".join([f"{len(problems)} of {count} images cannot be used", *problems])

"""`cnnrun predict`: says what a trained network sees in image files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.options import Checkpoint, Json, Plugins, RunName, RunsDir, load_run
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import print_table, share

NAME = "predict"


def command(
    run: RunName,
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    checkpoint: Checkpoint = "best",
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 3,
    resize: Annotated[bool, typer.Option("--resize", help="Scale images to fit.")] = False,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
) -> None:
    """Say what a trained network sees in image files: the probabilities of the classes.

    Example: cnnrun predict last seven.png
    """
    model = load_run(run, runs_dir, plugin).model(checkpoint)
    scores = model.predict(images, resize=resize)
    names = model.info.class_names
    if json:
        predictions = [
            {
                "image": str(path),
                "class": names[int(row.argmax())],
                "probabilities": dict(zip(names, map(float, row), strict=True)),
            }
            for path, row in zip(images, scores, strict=True)
        ]
        print_json({"run": str(model.run.folder), "predictions": predictions})
        return
    rows = [
        ["" if place else str(path), names[number], share(float(row[number]))]
        for path, row in zip(images, scores, strict=True)
        for place, number in enumerate(row.argsort()[::-1][:top])
    ]
    columns = ["image", "class", "probability"]
    print_table(model.run.name, columns, rows, left=columns[:2], keys=2)

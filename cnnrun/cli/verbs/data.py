"""`cnnrun data`: which data sets there are, what is in one, and its samples as image files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnrun.cli.options import Json, Plugins, load_plugins
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import figure, print_table, print_text

app = typer.Typer(help="List, describe and export data sets.", no_args_is_help=True)


Source = Annotated[str, typer.Argument(metavar="NAME|CONFIG", help="A bundled set, or a file.")]


@app.command("list")
def list_command(plugin: Plugins = None, json: Json = False) -> None:
    """List the data sets and sources that a configuration can name.

    Example: cnnrun data list
    """
    from cnnrun.data import DATASETS

    load_plugins(plugin)
    rows = [{"name": name, "summary": DATASETS.get(name).summary} for name in DATASETS]
    if json:
        print_json({"datasets": rows})
        return
    columns = ["name", "what it is"]
    print_table("", columns, [[row["name"], row["summary"]] for row in rows], left=columns)


@app.command("info")
def info_command(
    what: Source,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Describe a data set: shapes, samples of each class, and how it is normalised.

    Example: cnnrun data info mnist5k
    """
    from cnnrun.config import describe_data
    from cnnrun.engine.names import format_size

    description = describe_data(what, tuple(plugin or ()))
    if json:
        print_json(description.to_dict())
        return
    names = description.class_names
    shape = f"{format_size(description.image_shape)} (height x width x channels)"
    learnt = {
        "classification": f"{len(names)} classes",
        "multi_label": f"{len(names)} labels",
        "regression": f"numbers to be learnt: {', '.join(names)}",
        "image": f"images of {format_size(description.target_shape or ())} to be learnt",
    }
    print_text(f"{description.name}: images {shape}, {learnt[description.task]}")
    counts = description.counts
    counted = zip(*counts.values(), strict=True)  # class by class
    rows = [[name, *map(str, row)] for name, row in zip(names, counted, strict=False)]
    total = ["all", *map(str, description.samples.values())]
    print_table("samples", ["class", *counts], [*rows, None, total], left=["class"])
    if description.test_fraction is not None:
        part = f"{description.test_fraction:.4g}"
        print_text(f"no test split of its own: {part} of each class is held out as one")
    mean, std = description.mean, description.std
    print_text(f"mean {', '.join(map(figure, mean))}  std {', '.join(map(figure, std))}")
    print(f"SHA-256 {description.sha256}")


@app.command("export")
def export_command(
    what: Source,
    index: Annotated[
        str, typer.Option(metavar="LIST", help="Samples of the split, from 0: 3,7 or 0-9.")
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="PATH", help="NAME.png for one sample; a folder for several."
        ),
    ],
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Which split samples come from.")
    ] = "test",
    by_class: Annotated[
        bool, typer.Option("--by-class", help="Into a folder for each class, to train on.")
    ] = False,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Write samples of a data set as PNG files.

    Example: cnnrun data export mnist5k --index 701 -o seven.png
    """
    from cnnrun.config import export_samples

    exported = export_samples(
        what, index, output, split=split, by_class=by_class, plugins=tuple(plugin or ())
    )
    if json:
        rows = [
            {
                "index": sample.index,
                "file": str(sample.path),
                "classes": list(sample.classes),
                "exact": sample.exact,
            }
            for sample in exported
        ]
        print_json({"data": what, "split": split, "samples": rows})
        return
    if by_class:
        counts = Counter(sample.path.parent for sample in exported)
        for folder, count in sorted(counts.items()):
            print_text(f"{folder}: {count} {split} sample{'s' * (count > 1)} of {what}")
        return
    for sample in exported:
        classes = f"class {', '.join(sample.classes)}" if sample.classes else "no class"
        rounded = "" if sample.exact else " (rounded to 8 bits)"
        print_text(f"{sample.path}: {split} sample {sample.index} of {what}, {classes}{rounded}")

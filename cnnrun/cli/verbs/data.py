"""`cnnrun data`: which data sets there are, what is in one, its faults, its samples as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cnnrun.cli.options import Json, Plugins, load_plugins
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import figure, print_table, print_text
from cnnrun.cli.verbs import data_check

app = typer.Typer(help="List, describe, check and export data sets.", no_args_is_help=True)
app.command("check")(data_check.command)


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
    print_text(f"{description.name}: images {shape}, {len(names)} classes")
    counts = description.counts
    rows = [
        [name, *(str(split[number]) for split in counts.values())]
        for number, name in enumerate(names)
    ]
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
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Write samples of a data set as PNG files.

    Example: cnnrun data export mnist5k --index 701 -o seven.png
    """
    from cnnrun.config import export_samples

    exported = export_samples(what, index, output, split=split, plugins=tuple(plugin or ()))
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
    for sample in exported:
        classes = f"class {', '.join(sample.classes)}" if sample.classes else "no class"
        rounded = "" if sample.exact else " (rounded to 8 bits)"
        print_text(f"{sample.path}: {split} sample {sample.index} of {what}, {classes}{rounded}")

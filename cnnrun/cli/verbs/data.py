"""`cnnrun data`: which data sets there are, what is in one, its faults, its samples as files."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.options import Json, Plugins
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import print_table, print_text
from cnnrun.cli.verbs import data_check
from cnnrun.errors import ConfigError

if TYPE_CHECKING:
    from cnnrun.config.export import ExportedSample

app = typer.Typer(help="List, describe, check and export data sets.", no_args_is_help=True)
app.command("check")(data_check.command)


Source = Annotated[
    str,
    typer.Argument(metavar="NAME|CONFIG", help="A data set of `data list`, or a configuration."),
]


@app.command("list")
def list_command(plugin: Plugins = None, json: Json = False) -> None:
    """List what a configuration can name: data sets, where they are, and ways to read files.

    Example: cnnrun data list
    """
    from cnnrun.config import list_data

    rows = [asdict(entry) for entry in list_data(tuple(plugin or ()))]
    if json:
        print_json({"datasets": rows})
        return
    named = ["name", "what it is", "licence", "where"]
    cells = [[row["name"], row["summary"], row["licence"], row["where"]] for row in rows]
    print_table("data sets", named, [line for line in cells if line[-1]], left=named)
    sources = named[:2]
    others = [line[:2] for line in cells if not line[-1]]
    print_table("sources, which take options such as a path", sources, others, left=sources)


@app.command("info")
def info_command(
    what: Source,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw samples of each class into a PNG file."),
    ] = None,
    augmented: Annotated[
        bool, typer.Option("--augmented", help="Draw them as augmented in training, too.")
    ] = False,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Describe a data set: shapes, samples of each class, range, and how it is normalised.

    Example: cnnrun data info mnist5k --picture digits.png
    """
    from cnnrun.cli.datasets import print_description
    from cnnrun.config import describe_data, draw_data
    from cnnrun.config.description import prepared_data

    if augmented and picture is None:
        raise ConfigError("--augmented draws a picture; say which file: --picture samples.png")
    data = prepared_data(what, tuple(plugin or ()))
    description = describe_data(data)
    drawn = draw_data(data, picture, augmented=augmented) if picture else None
    if json:
        print_json({**description.to_dict(), "picture": str(drawn) if drawn else None})
        return
    print_description(description)
    if drawn:
        message(f"wrote {drawn}")


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
                "bits": sample.bits,
                "numbers": sample.numbers,
                "target": str(sample.target) if sample.target else None,
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
        rounded = "" if sample.exact else f" (rounded to {sample.bits} bits)"
        print_text(
            f"{sample.path}: {split} sample {sample.index} of {what}, {_learnt(sample)}{rounded}"
        )


def _learnt(sample: ExportedSample) -> str:
    """Return what a sample is, in words."""
    if sample.target is not None:
        return f"target {sample.target}"
    if sample.numbers:
        return ", ".join(f"{name} {value:g}" for name, value in sample.numbers.items())
    return f"class {', '.join(sample.classes)}" if sample.classes else "no class"

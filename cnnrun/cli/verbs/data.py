"""`cnnrun data`: which data sets there are, and what is in one."""

from __future__ import annotations

from typing import Annotated

import typer

from cnnrun.cli.options import Json, Plugins, load_plugins
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import figure, print_table, print_text

app = typer.Typer(help="List and describe data sets.", no_args_is_help=True)


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
    what: Annotated[str, typer.Argument(metavar="NAME|CONFIG", help="A bundled set, or a file.")],
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
    mean, std = description.mean, description.std
    print_text(f"mean {', '.join(map(figure, mean))}  std {', '.join(map(figure, std))}")
    print(f"SHA-256 {description.sha256}")

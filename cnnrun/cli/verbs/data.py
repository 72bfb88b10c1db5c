"""`cnnrun data`: which data sets there are, and what is in one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cnnrun.cli.options import Json, Plugins, load, load_plugins
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import figure, print_table, table
from cnnrun.errors import DataError
from cnnrun.registry import suggestion

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
    made = table("", ["name", "what it is"], left=["name", "what it is"])
    for row in rows:
        made.add_row(row["name"], row["summary"])
    print_table(made)


@app.command("info")
def info_command(
    what: Annotated[str, typer.Argument(metavar="NAME|CONFIG", help="A bundled set, or a file.")],
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Describe a data set: shapes, samples of each class, and how it is normalised.

    Example: cnnrun data info mnist5k
    """
    import numpy as np

    from cnnrun.data import DATASETS, DataOptions, prepare
    from cnnrun.engine.names import format_size

    load_plugins(plugin)
    if Path(what).suffix in (".yaml", ".yml"):
        experiment = load(Path(what))
        options, seed, base = experiment.data, experiment.seed, experiment.base
    else:
        if what not in DATASETS:
            raise DataError(f"no data set is called {what!r}; {suggestion(what, DATASETS)}")
        try:
            source = DATASETS.get(what)()
        except TypeError:
            raise DataError(
                f"{what} needs options; give a configuration file that uses it"
            ) from None
        options, seed, base = DataOptions(source), 0, Path()
    prepared = prepare(options, seed, base)
    counts: dict[str, Any] = {}
    for split in ("train", "val", "test"):
        if (samples := getattr(prepared, split)) is not None:
            labels = samples.labels
            by_class = (
                np.bincount(labels, minlength=prepared.info.classes)
                if labels.ndim == 1
                else labels.sum(axis=0).astype(int)
            )
            counts[split] = {"samples": len(samples), "per_class": by_class.tolist()}
    if json:
        print_json(
            {
                "name": prepared.info.name,
                "image_shape": list(prepared.info.image_shape),
                "classes": list(prepared.info.class_names),
                "splits": counts,
                "sha256": prepared.sha256,
                "statistics": prepared.statistics.to_json(),
            }
        )
        return
    info = prepared.info
    shape = f"{format_size(info.image_shape)} (height x width x channels)"
    print(f"{info.name}: images {shape}, {info.classes} classes")
    made = table("samples", ["class", *counts], left=["class"])
    for number, name in enumerate(info.class_names):
        made.add_row(name, *(str(part["per_class"][number]) for part in counts.values()))
    made.add_section()
    made.add_row("all", *(str(part["samples"]) for part in counts.values()))
    print_table(made)
    mean, std = prepared.statistics.mean, prepared.statistics.std
    print(f"mean {', '.join(map(figure, mean))}  std {', '.join(map(figure, std))}")
    print(f"SHA-256 {prepared.sha256}")

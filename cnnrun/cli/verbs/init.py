"""`cnnrun init`: writes a commented configuration, or a layer, to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.output import message

NAME = "init"


def command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to write it; experiment.yaml by default."),
    ] = None,
    layer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a layer to start from instead: my_layer.py."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented configuration that trains as it is, or a layer that checks as it is.

    Example: cnnrun init --layer my_layer.py
    """
    from cnnrun.config import init_experiment, init_layer

    if layer is None:
        file = init_experiment(file or Path("experiment.yaml"), force=force)
        message(f"wrote {file}; train it with: cnnrun train {file}")
        return
    if file is not None:
        raise typer.BadParameter("give either FILE or --layer FILE")
    init_layer(layer, force=force)
    name = layer.stem.lower()
    message(f"wrote {layer}; check it with: cnnrun gradcheck --plugin {layer} --layer {name}")

"""`cnnrun init`: writes a commented configuration, or a plug-in, to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.output import message

NAME = "init"

NEXT_STEP = {
    "layer": "check it with: cnnrun gradcheck --plugin {file} --layer {name}",
    "loss": "check it with: cnnrun gradcheck --plugin {file} --layers {name}",
    "optimizer": "train with it: cnnrun train CONFIG --plugin {file} optimizer={name}",
    "transform": "train with it: cnnrun train CONFIG --plugin {file} data.augment=[{name}]",
    "dataset": "look at it with: cnnrun data info {name} --plugin {file}",
}
"""By kind of plug-in, what to do with a new one."""


def command(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Where to write it; experiment.yaml by default."),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|DATASET",
            help="Look at a folder or file, and fit it to these data. Also a data set by name, or "
            "as a configuration writes it.",
        ),
    ] = None,
    layer: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a layer to start from instead: my_layer.py."),
    ] = None,
    loss: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The same for a loss: my_loss.py.")
    ] = None,
    optimizer: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For an optimizer: my_optimizer.py.")
    ] = None,
    transform: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For an augmentation: my_transform.py.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(metavar="FILE", help="For a data set: my_dataset.py.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a commented configuration that trains as it is, or a plug-in that works as it is.

    Example: cnnrun init --data pictures
    """
    from cnnrun.config import init_data, init_experiment, init_plugin

    plugins = {
        "layer": layer,
        "loss": loss,
        "optimizer": optimizer,
        "transform": transform,
        "dataset": dataset,
    }
    asked = [(kind, path) for kind, path in plugins.items() if path is not None]
    if len(asked) + (file is not None or data is not None) > 1:
        options = [f"--{kind} FILE" for kind in plugins]
        raise typer.BadParameter(f"give one of FILE (and --data PATH), {', '.join(options)}")
    if not asked:
        file = file or Path("experiment.yaml")
        if data is not None:
            start = init_data(data, file, force=force)
            for line in (start.description, *start.info.notes):
                message(line)
        else:
            init_experiment(file, force=force)
        message(f"wrote {file}; train it with: cnnrun train {shlex.quote(str(file))}")
        return
    ((kind, path),) = asked
    init_plugin(kind, path, force=force)
    step = NEXT_STEP[kind].format(file=shlex.quote(str(path)), name=path.stem.lower())
    message(f"wrote {path}; {step}")

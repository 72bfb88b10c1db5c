"""`cnnrun init`: writes a commented configuration, or a layer, to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.output import message
from cnnrun.cli.templates import EXPERIMENT, LAYER
from cnnrun.errors import ConfigError

NAME = "init"


def command(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; experiment.yaml by default.")
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
    if layer is None:
        file = file or Path("experiment.yaml")
        _write(file, EXPERIMENT.format(file=file), force)
        message(f"wrote {file}; train it with: cnnrun train {file}")
        return
    if file is not None:
        raise typer.BadParameter("give either FILE or --layer FILE")
    if layer.suffix != ".py" or not layer.stem.isidentifier():
        raise ConfigError(
            f"{layer}: a layer's file is named after it, in letters, digits and underscores: "
            "my_layer.py"
        )
    from cnnrun.engine import LAYERS

    name = layer.stem.lower()
    if name in LAYERS:
        raise ConfigError(f"a layer named {name!r} is registered already; choose another name")
    class_name = "".join(part.capitalize() for part in name.split("_"))
    _write(layer, LAYER.format(file=layer, name=name, class_name=class_name), force)
    message(f"wrote {layer}; check it with: cnnrun gradcheck --plugin {layer} --layer {name}")


def _write(file: Path, text: str, force: bool) -> None:
    """Write a new file.

    Raises:
        ConfigError: it exists, or cannot be written.
    """
    try:
        with file.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} exists; --force replaces it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be written ({error.strerror})") from None

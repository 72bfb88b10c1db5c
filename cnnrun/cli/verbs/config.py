"""`cnnrun config`: a configuration with every default, and the language as a schema."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.command import Verb
from cnnrun.cli.options import Json, Overrides, Plugins, load, load_plugins
from cnnrun.cli.output import print_json

app = typer.Typer(help="Show configurations and their schema.", no_args_is_help=True)


@app.command("show", cls=Verb)
def show(
    config: Annotated[Path, typer.Argument(help="The configuration file.")],
    overrides: Overrides = None,
    plugin: Plugins = None,
    json: Json = False,
) -> None:
    """Print the configuration with every default spelled out.

    Example: cnnrun config show configs/lenet_mnist5k.yaml train.epochs=3
    """
    from cnnrun.config import dump_yaml, to_dict

    experiment = load(config, overrides, plugin)
    if json:
        print_json({"config": to_dict(experiment)})
    else:
        print(dump_yaml(experiment), end="")


@app.command("schema")
def schema(plugin: Plugins = None) -> None:
    """Print the JSON Schema (draft 7) of configurations, which editors complete from.

    Example: cnnrun config schema > cnnrun.schema.json
    """
    import json

    from cnnrun.config import json_schema

    load_plugins(plugin)
    print(json.dumps(json_schema(), indent=2))

"""`cnnrun explain backprop`: the four steps for the layers of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.options import Plugins, load
from cnnrun.cli.verbs.explain.options import Format, Json, Output, Seed, emit

__all__ = ["backprop"]


def backprop(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="Such as network[0].conv2d.filters=8"),
    ] = None,
    numbers: Annotated[
        bool,
        typer.Option("--numbers", help="Run it on its data in float64, and verify gradients."),
    ] = False,
    samples: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="With --numbers.")] = 4,
    seed: Seed = 0,
    plugin: Plugins = None,
    form: Format = "text",
    json: Json = False,
    output: Output = None,
) -> None:
    """The four steps of backpropagation, for the layers of a configuration.

    Example: cnnrun explain backprop configs/lenet_mnist5k.yaml --numbers
    """
    from cnnrun.runs.explanation import explain_network

    experiment = load(config, overrides, plugin)
    explanation = explain_network(experiment, numbers=numbers, samples=samples, seed=seed)
    emit(explanation, "json" if json else form, output)

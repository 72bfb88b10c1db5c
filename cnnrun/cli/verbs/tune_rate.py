"""`cnnrun tune-rate`: which learning rate suits a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.options import ConfigFile, Json, Overrides, Plugins, RunsDir, load
from cnnrun.cli.output import print_json
from cnnrun.cli.tables import print_text

NAME = "tune-rate"


def command(
    config: ConfigFile,
    overrides: Overrides = None,
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The PNG; by default in runs/untrained/NAME."),
    ] = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
) -> None:
    """Suggest a learning rate: a range test of a hundred steps, with its picture.

    Nothing is changed; the suggestion is an override to paste. Exit code 4: no rate learns.

    Example: cnnrun tune-rate configs/lenet_mnist5k.yaml
    """
    from cnnrun.preflight import tune_rate

    experiment = load(config, overrides, plugin)
    file = picture or runs_dir / "untrained" / experiment.name / "learning_rate.png"
    result = tune_rate(experiment, picture=file)
    if json:
        print_json({**result.to_dict(), "picture": str(file)})
        return
    ended = f"; {result.stopped}" if result.stopped else ""
    print_text(
        f"{result.name}: {len(result.rates)} steps, rates from {result.rates[0]:.2g} to "
        f"{result.rates[-1]:.2g}{ended}"
    )
    print_text(
        f"the smoothed loss is lowest at {result.lowest:.2g}, and has fallen by 90% at "
        f"{result.fallen:.2g}; a tenth of the first, or the second if smaller (configured: "
        f"{result.configured:g}):"
    )
    print_text(result.override)
    print(f"picture {file}")

"""`cnnrun inspect`: shows what flows backward through a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.options import Json, Plugins, Quiet, RunsDir, load, load_plugins, load_run
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import print_fitting, share

if TYPE_CHECKING:
    from cnnrun.inspection.inspect import Result
    from cnnrun.inspection.samples import InspectedModel

NAME = "inspect"


def command(
    run: Annotated[
        str, typer.Argument(metavar="RUN|CONFIG", help="A trained run, or a configuration.")
    ],
    index: Annotated[
        str | None, typer.Option(metavar="LIST", help="Samples of the split, from 0: 3,7 or 0-9.")
    ] = None,
    image: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="An image file instead; repeatable.")
    ] = None,
    split: Annotated[
        Literal["train", "val", "test"], typer.Option(help="Which split samples come from.")
    ] = "test",
    class_name: Annotated[
        str | None,
        typer.Option("--class", metavar="CLASS", help="Differentiate this class's score."),
    ] = None,
    layers: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these: conv1,3,relu.")
    ] = None,
    kinds: Annotated[
        str | None, typer.Option(metavar="LIST", help="Pictures: filters,activations,...")
    ] = None,
    max_channels: Annotated[
        int, typer.Option(metavar="N", min=1, max=512, help="Drawn of each array.")
    ] = 16,
    no_png: Annotated[bool, typer.Option("--no-png", help="Arrays and figures only.")] = False,
    form: Annotated[
        Literal["npz", "safetensors"], typer.Option("--format", help="Of the arrays.")
    ] = "npz",
    steps: Annotated[
        int, typer.Option(metavar="N", min=1, max=1024, help="Of integrated gradients, at first.")
    ] = 64,
    checkpoint: Annotated[
        str, typer.Option(help="best or last; best,last compares them.")
    ] = "best",
    compare: Annotated[
        str | None, typer.Option(metavar="RUN2", help="Show another run's maps beside these.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="By default RUN/inspect/WHAT.")
    ] = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """See activations, gradients and attribution maps of chosen samples.

    Example: cnnrun inspect last --index 3
    """
    from cnnrun.inspection.plan import plan_inspection
    from cnnrun.inspection.samples import SampleChoice

    load_plugins(plugin)
    checkpoints = checkpoint.split(",")
    if not set(checkpoints) <= {"best", "last"} or len(checkpoints) > 2:
        raise typer.BadParameter(f"{checkpoint} is not best, last or best,last")
    model, other = _open(run, runs_dir, checkpoints, compare)
    plan = plan_inspection(
        model,
        SampleChoice(index, image or (), split, class_name),
        layers=_words(layers),
        kinds=_words(kinds),
        other=other,
        folder=output,
        most_channels=max_channels,
        pictures=not no_png,
        format=form,
        steps=steps,
    )
    if plan.warning:
        message(f"warning: {plan.warning}; --layers keeps fewer", quiet=quiet or json)
    result = plan.run()
    if json:
        print_json(result.document)
    else:
        _show(result)
        message(f"wrote {plan.folder}/index.html", quiet=quiet)


def _open(
    name: str, runs_dir: Path, checkpoints: list[str], compare: str | None
) -> tuple[InspectedModel, InspectedModel | None]:
    """Return what to inspect, and what to compare it with: another run, or another checkpoint."""
    from cnnrun.inspection.samples import InspectedModel

    def model_of(name: str, which: str) -> InspectedModel:
        path = Path(name)
        if path.suffix in (".yaml", ".yml") or path.is_file():
            return InspectedModel.untrained(load(path), runs_dir)
        return InspectedModel.trained(load_run(name, runs_dir).model(which))

    model = model_of(name, checkpoints[0])
    if compare is None and len(checkpoints) == 1:
        return model, None
    # The run's own folder, since `last` may mean another run by now.
    return model, model_of(str(model.home) if compare is None else compare, checkpoints[-1])


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in text.split(",")] if text else []


def _show(result: Result) -> None:
    """Print the flow of gradients, the verdict, and how far to trust the attributions."""
    columns = ["layer", "|error|", "relative", "|weights|", "|gradient|", "ratio", "zeros", ""]
    rows = [
        [
            layer.layer,
            f"{layer.error_norm:.2e}",
            f"{layer.relative_error:.1e}",
            *(
                "-" if value is None else f"{value:.2e}"
                for value in (layer.weight_norm, layer.gradient_norm, layer.gradient_to_weight)
            ),
            share(layer.zeros),
            layer.words,
        ]
        for layer in result.flow.layers
    ]
    title = f"gradients of {result.document['network']}"
    print_fitting(title, columns, rows, ["|weights|", "ratio", "zeros"], left=["layer", ""])
    for line in result.flow.verdict:
        print(line)
    errors = result.attribution.completeness_error
    if errors:
        print(
            f"integrated gradients: {result.attribution.steps} steps, completeness error "
            f"{100 * max(errors):.2f}%"
        )
    for note in result.notes:
        print(f"note: {note}")
    print(f"{len(result.figures)} arrays and their figures in {result.folder}")

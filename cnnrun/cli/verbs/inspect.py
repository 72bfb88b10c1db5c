"""`cnnrun inspect`: shows what flows backward through a network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cnnrun.cli.completion import run_names
from cnnrun.cli.options import DataRoots, Json, Plugins, Quiet, RunsDir, load_source
from cnnrun.cli.output import message, print_json
from cnnrun.cli.tables import print_table, print_text, share

if TYPE_CHECKING:
    from cnnrun.inspection import Inspection

NAME = "inspect"

MOST_NAMED = 12
"""Samples of which it is said what they are predicted to be."""


def command(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|CONFIG",
            help="A trained run, or a configuration.",
            autocompletion=run_names,
        ),
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
        str,
        typer.Option(metavar="best|last", help="Which weights to take; best,last compares them."),
    ] = "best",
    compare: Annotated[
        str | None, typer.Option(metavar="RUN2", help="Show another run's maps beside these.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="By default RUN/inspect/WHAT.")
    ] = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """See activations, gradients and attribution maps of chosen samples.

    Example: cnnrun inspect last --index 3
    """
    from cnnrun.inspection import inspect

    inspection = inspect(
        load_source(run, runs_dir, plugin, data_root),
        index=index,
        images=image or (),
        split=split,
        class_name=class_name,
        layers=_words(layers),
        kinds=_words(kinds),
        checkpoint=checkpoint,
        compare=None if compare is None else load_source(compare, runs_dir, plugin),
        folder=output,
        max_channels=max_channels,
        pictures=not no_png,
        format=form,
        steps=steps,
        runs_dir=runs_dir,
        on_warning=lambda text: message(f"warning: {text}", quiet=quiet or json),
    )
    if json:
        print_json(inspection.document)
    else:
        _show(inspection)
        message(f"wrote {inspection.page}", quiet=quiet)


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in text.split(",")] if text else []


def _show(inspection: Inspection) -> None:
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
        for layer in inspection.flow.layers
    ]
    title = f"gradients of {inspection.document['network']}"
    print_table(title, columns, rows, left=["layer", ""])
    for line in inspection.flow.verdict:
        print_text(line)
    if inspection.document["task"] in ("regression", "multi_label"):
        for sample in inspection.document["samples"][:MOST_NAMED]:
            true = "" if sample["true"] is None else f", true {sample['true']}"
            print_text(f"{sample['label']}: predicted {sample['predicted']}{true}")
    errors = inspection.attribution.completeness_error
    if errors:
        print_text(
            f"integrated gradients: {inspection.attribution.steps} steps, completeness error "
            f"{100 * max(errors):.2f}%"
        )
    for note in inspection.notes:
        print_text(f"note: {note}")
    print_text(f"{len(inspection.figures)} arrays and their figures in {inspection.folder}")

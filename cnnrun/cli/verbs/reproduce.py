"""`cnnrun reproduce`: trains a run again, and says whether the same came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cnnrun.cli.options import (
    DataRoots,
    Json,
    Plugins,
    Quiet,
    RunName,
    RunsDir,
    Workers,
    load_run,
)
from cnnrun.cli.output import print_json
from cnnrun.cli.progress import Progress
from cnnrun.cli.tables import print_table, print_text
from cnnrun.untrusted import visible

if TYPE_CHECKING:
    from cnnrun.runs import Reproduction

NAME = "reproduce"

MOST_TENSORS = 4
"""So many names stand in a sentence; the table and the JSON have all."""


def command(
    run: RunName,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Only the first N epochs.")
    ] = None,
    workers: Workers = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a run again, and compare weights, metrics and predictions to the bit.

    Ends with 0 if they are the same or within tolerance, 1 if they differ, 4 if it cannot tell.

    Example: cnnrun reproduce last
    """
    from cnnrun.runs import reproduce, stop_on_signals

    repeated = load_run(run, runs_dir, plugin, data_root, changed=True)
    with stop_on_signals() as stop:
        show = Progress(quiet or json)
        result = reproduce(
            repeated, runs_dir, workers=workers, epochs=epochs, on_event=show, stop=stop
        )
    if json:
        print_json(result.to_dict())
    else:
        _show(result)
    if stop:
        raise typer.Exit(stop.exit_code)
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def _show(result: Reproduction) -> None:
    print_text(f"{result.run}: {result.verdict}")
    if result.reason:
        print(visible(result.reason))
        return
    print_text(f"compared up to step {result.steps}: {'; '.join(result.compared)}")
    if result.ended:
        print_text(f"the repetition ended before that: {result.ended}")
    if result.first:
        print_text(_where(result.first))
    for number, cause in enumerate(result.causes):
        if result.verdict == "same":
            label = "not as it was, without effect"
        else:
            label = "also not as it was" if number else "likely cause"
        print_text(f"{label}: {cause.text}")
    if result.verdict == "different" and not result.causes:
        print_text("likely cause: none of what the run's record says has changed")
    kind, weights = "weights", result.weights
    if not weights:
        kind, weights = "best weights", result.best_weights
    rows = [
        *([kind, name, f"{value:.3g}"] for name, value in weights.items()),
        *(["metric", name, f"{value:.3g}"] for name, value in result.metrics.items()),
    ]
    if rows:
        print_table("largest differences", ["", "of", "difference"], rows, left=["", "of"])
    if result.predictions and result.predictions["samples"]:
        figures = result.predictions
        others = "" if figures["classes"] is None else f", {figures['classes']} another class"
        print_text(
            f"test predictions: {figures['samples']} of {figures['of']} differ, by "
            f"{figures['largest']:.3g} at most{others}"
        )
    print_text(f"run {result.again}")


def _where(first: dict[str, object]) -> str:
    """Say where two trainings part."""
    tensors = list(first["tensors"])  # type: ignore[call-overload]
    names = ", ".join(tensors[:MOST_TENSORS])
    more = f" and {len(tensors) - MOST_TENSORS} more" if len(tensors) > MOST_TENSORS else ""
    said = f"first difference: epoch {first['epoch']}"
    if first["step"] is not None:
        said += f", step {first['step']}"
        if first["same_until"] is not None:
            said += f" (the same at step {first['same_until']})"
    return said + (f", in {names}{more}" if tensors else "")

"""`cnnrun runs`: what has been trained, and how runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cnnrun.cli.options import Json, Plugins, RunName, RunsDir, load_run
from cnnrun.cli.output import print_csv, print_json
from cnnrun.cli.tables import figure, print_table, share, table

app = typer.Typer(help="List, show and compare runs.", no_args_is_help=True)

Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]


@app.command("list")
def list_command(
    sort: Annotated[
        str | None,
        typer.Option(
            help="Best first, by one of: name, status, epochs, val_loss, val_accuracy, "
            "test_accuracy, seconds."
        ),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List runs, the oldest first.

    Example: cnnrun runs list --sort val_accuracy
    """
    from cnnrun.runs import list_runs
    from cnnrun.runs.comparison import FIGURES, sort_summaries, summarize_run

    rows = [summarize_run(run) for run in list_runs(runs_dir)]
    if sort is not None:
        sort_summaries(rows, sort)
    if json:
        print_json({"runs": rows})
    elif as_csv:
        print_csv(FIGURES, [[row[column] for column in FIGURES] for row in rows])
    elif not rows:
        print(f"no runs in {runs_dir}")
    else:
        made = table("", ["run", *map(_heading, FIGURES[1:])], left=["run", "status"])
        for row in rows:
            made.add_row(*(_cell(column, row[column]) for column in FIGURES))
        print_table(made)


@app.command("show")
def show_command(
    run: RunName,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Show a run: its record, and the figures of every epoch.

    Example: cnnrun runs show last
    """
    from cnnrun.runs.comparison import flat
    from cnnrun.runs.plugins import recorded_plugins

    shown = load_run(run, runs_dir)
    record, metrics = shown.record, shown.metrics
    if json:
        print_json({"run": str(shown.folder), **record, "metrics": metrics})
        return
    keys = [key for key in metrics[0] if key != "kind"] if metrics else []
    if as_csv:
        print_csv(keys, [[line[key] for key in keys] for line in metrics])
        return
    made = table(shown.name, ["", "value"], left=["", "value"])
    for key, value in flat(record):
        if not key.startswith(("final", "best", "segments")):
            made.add_row(key, " ".join(map(str, value)) if isinstance(value, list) else str(value))
    for plugin in recorded_plugins(shown):
        made.add_row("plug-in", f"{plugin['name']} {plugin['sha256'][:12]}")
    print_table(made)
    _show_segments(record.get("segments", []))
    columns = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"]
    made = table("epochs", [_heading(column) for column in columns])
    for line in metrics:
        made.add_row(*(_cell(column, line[column]) for column in columns))
    print_table(made)


@app.command("compare")
def compare_command(
    names: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Two runs or more.")],
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Compare runs: the settings that differ, and the results.

    Example: cnnrun runs compare lenet-mnist5k-0001 lenet-mnist5k-0002
    """
    from cnnrun.runs import compare

    if len(names) < 2:
        raise typer.BadParameter("name two runs or more", param_hint="RUN RUN...")
    comparison = compare([load_run(name, runs_dir, plugin) for name in names])
    settings, results = comparison.settings, comparison.results
    if json:
        print_json(comparison.to_dict())
        return
    if as_csv:
        lines = [*settings.items(), *results.items()]
        print_csv(["", *comparison.runs], [[key, *values] for key, values in lines])
        return
    made = table("", ["", *comparison.runs], left=[""])
    for key, values in settings.items():
        made.add_row(key, *(str(value) for value in values))
    made.add_section()
    for key, values in results.items():
        made.add_row(key, *(_cell(key, value) for value in values))
    print_table(made)


def _show_segments(segments: list[dict[str, Any]]) -> None:
    """Print by which configurations a run was trained, if there are several."""
    if len(segments) < 2:
        return
    columns = ["from step", "from epoch", "configuration", "plug-ins", "command"]
    made = table("segments", columns, left=columns[2:])
    for segment in segments:
        made.add_row(
            str(segment["from_step"]),
            str(segment["from_epoch"]),
            segment["configuration"][:12],
            ", ".join(plugin["sha256"][:12] for plugin in segment.get("plugins", [])) or "-",
            " ".join(segment["command"]),
        )
    print_table(made)


def _heading(column: str) -> str:
    return column.replace("_", " ").replace("accuracy", "acc")


def _cell(column: str, value: Any) -> str:
    if isinstance(value, float):
        if column.endswith("accuracy"):
            return share(value)
        return figure(value, 1 if column == "seconds" else 4)
    return "-" if value is None else str(value)

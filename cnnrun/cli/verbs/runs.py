"""`cnnrun runs`: what has been trained, and how runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnrun.cli.options import Json, RunName, RunsDir
from cnnrun.cli.output import print_csv, print_json
from cnnrun.cli.tables import figure, print_table, share, table
from cnnrun.errors import RunError

if TYPE_CHECKING:
    from cnnrun.runs import Run

app = typer.Typer(help="List, show and compare runs.", no_args_is_help=True)

Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]
COLUMNS = ("name", "status", "epochs", "val_loss", "val_accuracy", "test_accuracy", "seconds")


@app.command("list")
def list_command(
    sort: Annotated[
        str | None, typer.Option(help=f"Best first, by one of: {', '.join(COLUMNS)}.")
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """List runs, the oldest first.

    Example: cnnrun runs list --sort val_accuracy
    """
    from cnnrun.runs import list_runs

    rows = [_row(run) for run in list_runs(runs_dir)]
    if sort is not None:
        if sort not in COLUMNS:
            raise typer.BadParameter(
                f"{sort} is not one of {', '.join(COLUMNS)}", param_hint="--sort"
            )
        rows.sort(key=lambda row: _sort_key(row[sort], highest_first="accuracy" in sort))
    if json:
        print_json({"runs": rows})
    elif as_csv:
        print_csv(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])
    elif not rows:
        print(f"no runs in {runs_dir}")
    else:
        made = table("", ["run", *map(_heading, COLUMNS[1:])], left=["run", "status"])
        for row in rows:
            made.add_row(*(_cell(column, row[column]) for column in COLUMNS))
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
    from cnnrun.runs import find_run

    found = find_run(run, runs_dir)
    record, metrics = found.read_record(), found.read_metrics()
    if json:
        print_json({"run": str(found.folder), **record, "metrics": metrics})
        return
    keys = [key for key in metrics[0] if key != "kind"] if metrics else []
    if as_csv:
        print_csv(keys, [[line[key] for key in keys] for line in metrics])
        return
    made = table(found.name, ["", "value"], left=["", "value"])
    for key, value in _flat(record):
        if not key.startswith(("final", "best")):
            made.add_row(key, " ".join(map(str, value)) if isinstance(value, list) else str(value))
    print_table(made)
    columns = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"]
    made = table("epochs", [_heading(column) for column in columns])
    for line in metrics:
        made.add_row(*(_cell(column, line[column]) for column in columns))
    print_table(made)


@app.command("compare")
def compare_command(
    names: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Two runs or more.")],
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Compare runs: the settings that differ, and the results.

    Example: cnnrun runs compare lenet-mnist5k-0001 lenet-mnist5k-0002
    """
    from cnnrun.config import to_dict
    from cnnrun.config.loading import load_experiment
    from cnnrun.runs import find_run

    if len(names) < 2:
        raise typer.BadParameter("name two runs or more", param_hint="RUN RUN...")
    found = [find_run(name, runs_dir) for name in names]
    settings = [
        dict(_flat(to_dict(load_experiment(run.config, check_network=False)))) for run in found
    ]
    keys = list(dict.fromkeys(key for setting in settings for key in setting))
    differing = {
        key: [setting.get(key) for setting in settings]
        for key in keys
        if any(setting.get(key) != settings[0].get(key) for setting in settings)
    }
    rows = [_row(run) for run in found]
    results = {column: [row[column] for row in rows] for column in COLUMNS[1:]}
    if json:
        runs = [run.name for run in found]
        print_json({"runs": runs, "settings": differing, "results": results})
        return
    lines = [(key, values) for part in (differing, results) for key, values in part.items()]
    if as_csv:
        print_csv(["", *(run.name for run in found)], [[key, *values] for key, values in lines])
        return
    made = table("", ["", *(run.name for run in found)], left=[""])
    for key, values in differing.items():
        made.add_row(key, *(str(value) for value in values))
    made.add_section()
    for key, values in results.items():
        made.add_row(key, *(_cell(key, value) for value in values))
    print_table(made)


def _row(run: Run) -> dict[str, Any]:
    """Return a run's figures for a list; those of its best epoch."""
    try:
        record = run.read_record()
    except RunError:
        return {**dict.fromkeys(COLUMNS), "name": run.name, "status": "damaged"}
    best, final = record.get("best") or {}, record.get("final") or {}
    return {
        "name": run.name,
        "status": record.get("status"),
        "epochs": final.get("epoch", 0),
        "val_loss": best.get("val_loss"),
        "val_accuracy": best.get("val_accuracy"),
        "test_accuracy": (record.get("test") or {}).get("accuracy"),
        "seconds": record.get("seconds"),
    }


def _heading(column: str) -> str:
    return column.replace("_", " ").replace("accuracy", "acc")


def _sort_key(value: Any, *, highest_first: bool) -> tuple[bool, Any]:
    if value is None:
        return True, 0.0 if not isinstance(value, str) else ""
    return False, -value if highest_first else value


def _cell(column: str, value: Any) -> str:
    if isinstance(value, float):
        if column.endswith("accuracy"):
            return share(value)
        return figure(value, 1 if column == "seconds" else 4)
    return "-" if value is None else str(value)


def _flat(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the leaves of a document with their paths."""
    if isinstance(value, dict) and value:
        return [
            leaf
            for key, item in value.items()
            for leaf in _flat(item, f"{path}.{key}" if path else key)
        ]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [
            leaf for index, item in enumerate(value) for leaf in _flat(item, f"{path}[{index}]")
        ]
    return [(path, value)]

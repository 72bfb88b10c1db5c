"""`cnnrun runs`: what has been trained, and how runs differ."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnrun.cli.comparing import print_markdown, print_verdicts, write_disagreements
from cnnrun.cli.completion import run_and_group_names
from cnnrun.cli.epochs import EpochTable, Extent
from cnnrun.cli.keeping import export_command, rm_command, tag_command
from cnnrun.cli.options import Json, Plugins, RunName, RunsDir, load_run
from cnnrun.cli.output import message, print_csv, print_json
from cnnrun.cli.seeds import open_group, print_group
from cnnrun.cli.tables import figure, print_table, share

if TYPE_CHECKING:
    from cnnrun.runs import Group

app = typer.Typer(help="List, show, compare, tag, export and remove runs.", no_args_is_help=True)
app.command("tag")(tag_command)
app.command("export")(export_command)
app.command("rm")(rm_command)

Csv = Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")]

EPOCHS = Extent(most=200, first=50, last=100)


@app.command("list")
def list_command(
    sort: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Best first, by one of: name, status, epochs, val_loss, val_accuracy, "
            "test_accuracy, seconds.",
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Only runs with this tag; repeatable, for all of them."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only runs of this sweep, or of this group of seeds."),
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
    rows = [row for row in rows if set(tag or ()) <= set(row["tags"])]
    rows = [row for row in rows if group in (None, row["group"])]
    if sort is not None:
        sort_summaries(rows, sort)
    if json:
        print_json({"runs": rows})
    elif as_csv:
        columns = [*FIGURES, "group"]
        lines = [[*(row[column] for column in columns), " ".join(row["tags"])] for row in rows]
        print_csv([*columns, "tags"], lines)
    elif not rows:
        print(f"no runs in {runs_dir}" + (f" with the tag {' and '.join(tag)}" if tag else ""))
    else:
        columns = ["run", *map(_heading, FIGURES[1:])]
        cells = [[_cell(column, row[column]) for column in FIGURES] for row in rows]
        words = {"tags": [" ".join(row["tags"]) for row in rows]}
        words |= {key: [row[key] or "" for row in rows] for key in ("group", "reproduces")}
        for column, texts in words.items():
            if any(texts):
                columns.append(column)
                for line, text in zip(cells, texts, strict=True):
                    line.append(text)
        print_table("", columns, cells, left=["run", "status", *words])


@app.command("show")
def show_command(
    run: RunName,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Show a run: its record, and the figures of every epoch; or a group of runs.

    Example: cnnrun runs show last
    """
    from cnnrun.cli.records import further_metrics, print_record
    from cnnrun.runs import find_group, is_group

    if is_group(run, runs_dir):
        _show_group(find_group(run, runs_dir), json, as_csv)
        return
    shown = load_run(run, runs_dir)
    if json:
        print_json({"run": str(shown.folder), **shown.record, "metrics": shown.metrics})
        return
    if as_csv:
        first = next(shown.epochs(), {})
        keys = [key for key in first if key != "kind"]
        print_csv(keys, ([line.get(key) for key in keys] for line in shown.epochs()))
        return
    figures = ["epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "seconds"]
    figures[-1:-1] = further_metrics(shown.record)
    columns = {_heading(key): partial(_epoch_cell, key) for key in figures}
    table = EpochTable(shown, columns, EPOCHS)
    print_record(shown)
    table.print("epochs")


def _show_group(group: Group, json: bool, as_csv: bool) -> None:
    document = group.to_dict()
    if json:
        print_json(document)
    elif as_csv:
        print_csv([*document["runs"][0]], [[*row.values()] for row in document["runs"]])
    else:
        print_group(group)


@app.command("compare")
def compare_command(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Two runs or more, or groups; or one sweep, for its best runs.",
            autocompletion=run_and_group_names,
        ),
    ],
    picture: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the learning curves of all into this picture."),
    ] = None,
    disagreements: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the samples on which two runs disagree into this CSV file."
        ),
    ] = None,
    samples: Annotated[
        bool,
        typer.Option(
            "--samples/--no-samples",
            help="Measure two runs on their test split, to compare them sample by sample.",
        ),
    ] = True,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    as_csv: Csv = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print Markdown, for a pull request.")
    ] = False,
) -> None:
    """Compare runs or groups: the settings that differ, the results, and how sure that is.

    Two groups of `train --seeds` are compared by seed, two runs sample by sample.

    Example: cnnrun runs compare lenet-mnist5k-0001 lenet-mnist5k-0002
    """
    from cnnrun.runs import Group, compare, is_group, plot_runs
    from cnnrun.runs.swept import best_of_sweep

    if len(names) == 1 and (best := best_of_sweep(names[0], runs_dir)):
        names = [str(run.folder) for run in best]
    if len(names) < 2:
        raise typer.BadParameter("name two runs or more", param_hint="RUN RUN...")
    compared = [
        open_group(name, runs_dir, [], plugin)
        if is_group(name, runs_dir)
        else load_run(name, runs_dir, plugin)
        for name in names
    ]
    comparison = compare(compared, samples=samples)
    if picture is not None:
        sets = [[*one.runs.values()] if isinstance(one, Group) else [one] for one in compared]
        runs = [run for several in sets for run in several]
        message(f"wrote {plot_runs(runs, picture)}", quiet=json or as_csv or markdown)
    if disagreements is not None:
        write_disagreements(comparison, disagreements, quiet=json or as_csv or markdown)
    settings, results = comparison.settings, comparison.results
    if json:
        print_json(comparison.to_dict())
        return
    if as_csv:
        lines = [*settings.items(), *results.items()]
        print_csv(["", *comparison.runs], [[key, *values] for key, values in lines])
        return
    changed = [[key, *map(_setting, values)] for key, values in settings.items()]
    figures = [[key, *(_cell(key, each) for each in values)] for key, values in results.items()]
    if markdown:
        print_markdown(comparison, [*changed, *figures])
        return
    rows = [*changed, None, *figures]
    print_table("", ["", *comparison.runs], rows, left=[""])
    print_verdicts(comparison)


def _heading(column: str) -> str:
    return column.replace("_", " ").replace("accuracy", "acc")


def _setting(value: Any) -> str:
    """Return a setting as text; a layer as its options, `yes` if it has none."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {option}" for key, option in value.items()) or "yes"
    return "-" if value is None else str(value)


def _epoch_cell(column: str, line: dict[str, Any]) -> str:
    return _cell(column, line.get(column))


def _cell(column: str, value: Any) -> str:
    if isinstance(value, float):
        if "accuracy" in column:
            return share(value)
        return figure(value, 1 if column == "seconds" else 4)
    if isinstance(value, list):
        return " ".join(map(str, value)) or "-"
    return "-" if value is None else str(value)

"""`cnnrun runs tag`, `runs export` and `runs rm`: what keeps runs in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cnnrun.cli.completion import run_names
from cnnrun.cli.options import Json, Quiet, RunName, RunsDir, load_run
from cnnrun.cli.output import message, print_json

__all__ = ["export_command", "rm_command", "tag_command"]


def tag_command(
    run: RunName,
    tags: Annotated[list[str], typer.Argument(metavar="TAG...", help="Words such as baseline.")],
    remove: Annotated[bool, typer.Option("--remove", help="Take these tags from it.")] = False,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
) -> None:
    """Give a run tags, by which `runs list --tag` selects.

    Example: cnnrun runs tag last baseline
    """
    from cnnrun.runs.keeping import tag_run

    tagged = load_run(run, runs_dir)
    has = tag_run(tagged, remove=tags) if remove else tag_run(tagged, tags)
    if json:
        print_json({"run": str(tagged.folder), "tags": has})
    else:
        print(f"{tagged.name}: {', '.join(has) or 'no tags'}")


def export_command(
    run: RunName,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The zip file; by default RUN.zip."),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pack a run's folder into one zip file, to keep or to hand on; the data set is not in it.

    Example: cnnrun runs export last -o lenet.zip
    """
    from cnnrun.runs.keeping import export_run

    exported = load_run(run, runs_dir)
    path = export_run(exported, output or Path(f"{exported.name}.zip"))
    if json:
        print_json({"run": str(exported.folder), "file": str(path), "bytes": path.stat().st_size})
    message(f"wrote {path}", quiet=quiet or json)


def rm_command(
    names: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Names of runs, or last.", autocompletion=run_names),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
) -> None:
    """Remove runs, with their checkpoints and pictures; asks before it does.

    Example: cnnrun runs rm lenet-mnist5k-0001
    """
    from cnnrun.runs.keeping import removable, remove_runs

    # By their full names from here on: `last` may mean another run when the question is answered.
    doomed = [run.folder.name for run in removable(names, runs_dir)]
    if not yes:
        typer.confirm(f"Remove {', '.join(doomed)}?", abort=True, err=True)
    removed = remove_runs(doomed, runs_dir)
    if json:
        print_json({"removed": removed})
    else:
        print(f"removed {', '.join(removed)}")

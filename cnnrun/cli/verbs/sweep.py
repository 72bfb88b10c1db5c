"""`cnnrun sweep`: many trainings that differ in a few settings, and which of them is best."""

from __future__ import annotations

import atexit
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnrun.cli.command import Group
from cnnrun.cli.options import Json, Overrides, Plugins, Quiet, RunsDir, Workers
from cnnrun.cli.output import message, print_json
from cnnrun.cli.sweeping import SweepProgress, print_sweep
from cnnrun.cli.tables import print_table

if TYPE_CHECKING:
    from cnnrun.sweeps import Sweep

__all__ = ["Sweeps", "app"]

app = typer.Typer(
    help="Try settings: a grid, at random, or by what was learnt of the trials before.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The sweep's name.")]
Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        metavar="URL",
        help="sqlite:///FILE, journal:///FILE (a shared disk) or postgresql://...; by default "
        "RUNS/sweeps/NAME.db.",
    ),
]
Jobs = Annotated[
    int, typer.Option("--jobs", metavar="N", min=1, max=256, help="Processes on this machine.")
]


class Sweeps(Group):
    """The verbs of sweeps; a file in the place of one means `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words behind `sweep`, which may open with an option of `run`."""
        is_option = bool(args) and args[0].startswith("-") and args[0] not in ("-h", "--help")
        return super().parse_args(ctx, ["run", *args] if is_option else args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the verb that the first word names, and what is left for it."""
        return super().resolve_command(ctx, args if args[0] in self.commands else ["run", *args])


@app.command("run")
def run_command(
    config: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A sweep's file, or a configuration of which something is varied."
        ),
    ],
    overrides: Overrides = None,
    storage: Storage = None,
    jobs: Jobs = 1,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            min=1,
            max=1000,
            help="Train each point with the seeds 0 to K-1; their mean counts.",
        ),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=10_000, help="Points that are drawn.")
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="grid, random or tpe; by default a grid of lists."),
    ] = None,
    pruner: Annotated[
        str | None, typer.Option(metavar="NAME", help="What ends bad trials: median or hyperband.")
    ] = None,
    objective: Annotated[
        str | None, typer.Option(metavar="METRIC", help="What counts, such as val_accuracy.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Of the sweep.")] = None,
    workers: Workers = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Carry out a sweep, or go on with one that was stopped; `run` may be left out.

    KEY=V1,V2 tries several values, KEY={log: [1e-3, 0.5]} draws them, KEY=VALUE sets one.

    Example: cnnrun sweep configs/digits_quickstart.yaml optimizer.sgd.learning_rate=0.01,0.1
    """
    from cnnrun.sweeps import start_sweep

    given = {
        "seeds": seeds, "trials": trials, "sampler": sampler, "pruner": pruner,
        "objective": objective, "name": name,
    }  # fmt: skip
    options = {key: value for key, value in given.items() if value is not None}
    sweep = start_sweep(
        config, overrides or [], runs_dir, storage=storage, plugins=plugin or [], **options
    )
    message(f"sweep {sweep.name}: {sweep.plan.options.points} points, {sweep.url}",
            quiet=quiet or json)  # fmt: skip
    again = "the same command goes on"
    _carry_out(sweep, runs_dir, jobs, workers, json=json, quiet=quiet, again=again)


@app.command("join")
def join_command(
    storage: Annotated[str, typer.Argument(metavar="URL", help="Of the sweep's storage.")],
    name: Name,
    jobs: Jobs = 1,
    workers: Workers = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Help with a sweep that another process, or machine, has begun; it needs no file.

    Example: cnnrun sweep join postgresql://me@host/sweeps lr-search
    """
    from cnnrun.sweeps import find_sweep

    sweep = find_sweep(name, runs_dir, storage=storage, plugins=plugin or [])
    sweep.require_going()
    again = "`sweep join` goes on"
    _carry_out(
        sweep, runs_dir, jobs, workers,
        json=json, quiet=quiet, again=again, is_silent=quiet and not json,
    )  # fmt: skip


def _carry_out(
    sweep: Sweep,
    runs_dir: Path,
    jobs: int,
    workers: int | None,
    *,
    json: bool,
    quiet: bool,
    again: str,
    is_silent: bool = False,
) -> None:
    """Carry out a sweep and show it; exit as it ended."""
    from cnnrun.runs import ignore_signals, stop_on_signals
    from cnnrun.sweeps import carry_out, status_of

    with stop_on_signals() as stop:
        with SweepProgress(quiet or json) as show:
            carry_out(sweep, runs_dir, jobs, workers, show, stop)
            show.show(sweep)
        atexit.register(ignore_signals)
        status = status_of(sweep)
        if json:
            print_json(status.to_dict())
        elif not is_silent:
            print_sweep(status)
        if stop:
            message(f"interrupted; {again}", quiet=is_silent)
            raise typer.Exit(stop.exit_code)
    if status.state == "finished" and status.best is None:
        message("no trial of the sweep was finished")
        raise typer.Exit(3)


@app.command("status")
def status_command(
    name: Name, storage: Storage = None, runs_dir: RunsDir = Path("runs"), json: Json = False
) -> None:
    """Show how a sweep stands: its best trials, and those that run.

    Example: cnnrun sweep status lr-search
    """
    from cnnrun.sweeps import find_sweep, status_of

    status = status_of(find_sweep(name, runs_dir, storage=storage))
    if json:
        print_json(status.to_dict())
    else:
        print_sweep(status)


@app.command("best")
def best_command(
    name: Name, storage: Storage = None, runs_dir: RunsDir = Path("runs"), json: Json = False
) -> None:
    """Show the best trial of a sweep, as settings that `train` takes, and its run.

    Example: cnnrun sweep best lr-search
    """
    from cnnrun.errors import RunError
    from cnnrun.sweeps import find_sweep, status_of
    from cnnrun.sweeps.points import overrides_of
    from cnnrun.sweeps.status import trial_document

    status = status_of(find_sweep(name, runs_dir, storage=storage))
    best = status.best
    if best is None:
        raise RunError(f"{name}: no trial is finished yet")
    if json:
        print_json({"sweep": name, "objective": status.metric, **trial_document(best)})
        return
    print(f"{status.metric} {best.value:.4g}  {' '.join(overrides_of(best.settings))}")
    for run in best.runs:
        print(f"run {run['folder']}")


@app.command("stop")
def stop_command(name: Name, storage: Storage = None, runs_dir: RunsDir = Path("runs")) -> None:
    """Ask every process of a sweep, on every machine, to stop after the step at hand.

    Example: cnnrun sweep stop lr-search
    """
    from cnnrun.sweeps import find_sweep

    find_sweep(name, runs_dir, storage=storage).stop("by `cnnrun sweep stop`")
    message(f"{name}: every process stops; `cnnrun sweep FILE` goes on with it")


@app.command("importance")
def importance_command(
    name: Name, storage: Storage = None, runs_dir: RunsDir = Path("runs"), json: Json = False
) -> None:
    """Show how much each setting mattered for being among the best (PED-ANOVA).

    Example: cnnrun sweep importance lr-search
    """
    from cnnrun.sweeps import find_sweep, importance_of

    shares = importance_of(find_sweep(name, runs_dir, storage=storage))
    if json:
        print_json({"sweep": name, "importance": shares})
    elif not shares:
        print("too few trials are finished to tell")
    else:
        rows = sorted(shares.items(), key=lambda item: -item[1])
        print_table(name, ["setting", "share"], [[key, f"{share:.1%}"] for key, share in rows],
                    left=["setting"])  # fmt: skip


@app.command("report")
def report_command(
    name: Name,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Instead of RUNS/sweeps/NAME.html."),
    ] = None,
    storage: Storage = None,
    runs_dir: RunsDir = Path("runs"),
) -> None:
    """Write one page: the objective over the trials, parallel coordinates, what mattered.

    Example: cnnrun sweep report lr-search
    """
    from cnnrun.sweeps import find_sweep, write_sweep_report

    print(write_sweep_report(find_sweep(name, runs_dir, storage=storage), output, runs_dir))

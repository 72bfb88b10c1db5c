"""`cnnrun train`: trains a network and ends with its test accuracy."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnrun.cli.completion import run_names
from cnnrun.cli.epochs import EpochTable, Extent
from cnnrun.cli.options import (
    DataRoots,
    Json,
    Overrides,
    Plugins,
    Quiet,
    RunsDir,
    Workers,
    load,
    load_run,
)
from cnnrun.cli.output import message, print_json
from cnnrun.cli.progress import CheckProgress, Progress
from cnnrun.cli.records import further_metrics
from cnnrun.cli.seeds import open_group, read_seeds, train_group
from cnnrun.cli.tables import figure, print_text, share

if TYPE_CHECKING:
    from cnnrun.config import Experiment
    from cnnrun.runs import Session

NAME = "train"
EPOCHS = Extent(most=20, first=5, last=10)


def command(
    config: Annotated[
        Path | None,
        typer.Argument(metavar="CONFIG", help="The configuration file; not with --resume."),
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="[RUN]",
            help="Go on with a run; the last one if none is named.",
            autocompletion=run_names,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Instead of train.epochs.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="K|LIST",
            help="Train K runs with the seeds 0 to K-1, or those listed: 0,1,7; one table in the "
            "end. With --resume: go on with such a group.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Instead of the configuration's name.")
    ] = None,
    gradcheck: Annotated[
        bool,
        typer.Option(
            "--gradcheck", help="Check the network's gradients first; a wrong one ends the run."
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Look first for what would keep it from learning; that ends the run."
        ),
    ] = False,
    check_every: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Keep digests of the weights every N steps, for reproduce to compare.",
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option("--report/--no-report", help="Write RUN/report.html at the end."),
    ] = True,
    workers: Workers = None,
    data_root: DataRoots = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network; a run directory keeps everything.

    Example: cnnrun train configs/lenet_mnist5k.yaml train.epochs=3
    """
    from cnnrun.runs import (
        RankedTeam,
        claim_group,
        follow,
        ignore_signals,
        is_group,
        join_team,
        resume_run,
        start_run,
        stop_on_signals,
    )

    team = join_team()
    if isinstance(team, RankedTeam) and not team.is_leader:
        with stop_on_signals() as stop:
            code = follow(team, stop, workers=workers)
        ignore_signals()  # it has nothing more to do, and the leader tells how it ended
        raise typer.Exit(code)
    if seeds is not None or (resume is not None and is_group(resume, runs_dir)):
        single = {
            "--gradcheck": gradcheck, "--check": check, "--data-root": data_root,
            "--check-every": check_every,
        }  # fmt: skip
        for option, given in single.items():
            if given:
                raise typer.BadParameter(
                    "goes with a single run, not with a group", param_hint=option
                )
        if team.size > 1:
            raise typer.BadParameter(
                "several ranks train a single run, not a group", param_hint="--seeds"
            )
        numbers = read_seeds(seeds) if seeds is not None else []
        if resume is not None:
            if config is not None or overrides or name or epochs:
                raise typer.BadParameter(
                    "--resume of a group takes its own configuration; only --seeds and --workers "
                    "may be given"
                )
            group = open_group(resume, runs_dir, numbers, plugin)
        else:
            if any(change.startswith("seed=") for change in overrides or []):
                raise typer.BadParameter(
                    "seed= and --seeds exclude each other", param_hint="--seeds"
                )
            experiment = _experiment(config, overrides, name, epochs, plugin)
            group = claim_group(experiment, numbers, runs_dir)
        train_group(group, workers, json=json, quiet=quiet)
        return
    with stop_on_signals() as stop:
        if resume is not None:
            if config is not None or overrides or name or check_every:
                raise typer.BadParameter(
                    "--resume takes the run's own configuration; only --epochs, --workers and "
                    "--data-root may be given"
                )
            if check:
                raise typer.BadParameter("goes with a new training", param_hint="--check")
            run = load_run(resume, runs_dir, plugin, data_root)
            if group_name := run.record.get("group"):
                message(
                    f"of {group_name}; all of it: cnnrun train --resume {group_name}", quiet=quiet
                )
            session = resume_run(run, workers=workers, epochs=epochs, command=sys.argv, team=team)
        else:
            if data_root:
                raise typer.BadParameter("goes with --resume", param_hint="--data-root")
            experiment = _experiment(config, overrides, name, epochs, plugin)
            session = start_run(
                experiment,
                runs_dir,
                workers=workers,
                check_every=check_every,
                command=sys.argv,
                team=team,
            )
        with session:
            message(f"run {session.run.folder}", quiet=quiet or json)
            if check:
                _check(session, quiet or json)
            if gradcheck:
                _check_gradients(session, quiet or json)
            show = Progress(quiet or json)
            for event in session.events(stop):
                show(event)
        atexit.register(ignore_signals)  # how it ended is written down; the exit code says the same
        if json:
            print_json(_document(session))
        if session.status == "interrupted":
            message(
                f"interrupted after step {session.trainer.progress.step}; go on with: "
                f"cnnrun train --resume {session.run.name}"
                + ("" if runs_dir == Path("runs") else f" --runs-dir {runs_dir}")
            )
            raise typer.Exit(stop.exit_code)
        if not json:
            _show(session)
        if report:
            _report(session, quiet=json)


def _experiment(
    config: Path | None,
    overrides: list[str] | None,
    name: str | None,
    epochs: int | None,
    plugin: list[Path] | None,
) -> Experiment:
    if config is None:
        raise typer.BadParameter("give a configuration file, or --resume", param_hint="CONFIG")
    changes = list(overrides or [])
    changes += [f"train.epochs={epochs}"] if epochs is not None else []
    changes += [f"name='{name}'"] if name is not None else []
    return load(config, changes, plugin)


def _check(session: Session, quiet: bool) -> None:
    from cnnrun.preflight import check_run

    result = check_run(session, lambda name: message(f"{name} ...", quiet=quiet))
    message(result.summary(), quiet=quiet)


def _check_gradients(session: Session, quiet: bool) -> None:
    from cnnrun.runs.preflight import check_gradients

    with CheckProgress(quiet) as show:
        report = check_gradients(session, show)
    message(f"gradients: {report.summary()}", quiet=quiet)


def _document(session: Session) -> dict[str, Any]:
    record, progress = session.record.document, session.trainer.progress
    test = record.get("test")
    return {
        "run": str(session.run.folder),
        "status": session.status,
        "epochs": progress.epoch,
        "steps": progress.step,
        **{key: record[key] for key in ("parameters", "seconds", "final", "best")},
        "stopped_early": record.get("stopped_early"),
        "test": {key: test[key] for key in ("loss", "accuracy")} if test else None,
    }


def _show(session: Session) -> None:
    record, run = session.record.document, session.run
    best, final = record["best"]["epoch"], record["final"]
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "epoch": lambda line: f"{line['epoch']}{'*' if line['epoch'] == best else ' '}",
        "train loss": lambda line: figure(line["train_loss"]),
        "train acc": lambda line: share(line["train_accuracy"]),
        "val loss": lambda line: figure(line["val_loss"]),
        "val acc": lambda line: share(line["val_accuracy"]),
    }
    if final["train_accuracy"] is None:
        del columns["train acc"], columns["val acc"]
    for key in further_metrics(record):
        columns[key.replace("_", " ")] = partial(_figure, key)
    columns["learning rate"] = lambda line: f"{line['learning_rate']:.2e}"
    columns["s"] = lambda line: f"{line['seconds']:.1f}"
    EpochTable(run, columns, EPOCHS).print(f"{run.name}: {record['parameters']:,} parameters")
    test = record["test"]
    accuracy = f"accuracy {share(test['accuracy'])}"
    said = accuracy if test["accuracy"] is not None else test.get("summary")
    figures = f"test {said}, " if said else ""
    if stopped := record.get("stopped_early"):
        print_text(f"stopped early, {stopped['reason']}")
    tested = f"{best}*" if test["checkpoint"] == "best" else record["final"]["epoch"]
    print_text(f"{figures}test loss {figure(test['loss'])} (weights of epoch {tested})")
    for note in session.data.info.notes:
        print_text(note)
    print_text(f"trained in {record['seconds']:.1f} s; run {run.folder}")
    print(f"curves {run.plots / 'curves.png'}")


def _report(session: Session, *, quiet: bool) -> None:
    """Write the report; a run is trained, with or without."""
    from cnnrun.config import describe_fault
    from cnnrun.errors import CnnrunError
    from cnnrun.report import report_training

    try:
        file = report_training(session)
    except Exception as error:
        said = str(error) if isinstance(error, CnnrunError) else describe_fault(error)
        if not said:
            raise
        message(f"warning: no report: {said}", quiet=quiet)
        return
    if not quiet:
        print(f"report {file}")


def _figure(key: str, line: dict[str, Any]) -> str:
    return figure(line.get(key))

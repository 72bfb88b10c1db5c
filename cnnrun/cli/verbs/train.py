"""`cnnrun train`: trains a network and ends with its test accuracy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cnnrun.cli.options import (
    Json,
    Overrides,
    Plugins,
    Quiet,
    RunsDir,
    Workers,
    default_workers,
    load,
    load_plugins,
)
from cnnrun.cli.output import message, print_json
from cnnrun.cli.progress import Progress
from cnnrun.cli.tables import figure, print_table, share, table
from cnnrun.errors import GradientError

if TYPE_CHECKING:
    from cnnrun.runs import Evaluation, Session

NAME = "train"

PREFLIGHT_SECONDS = 10.0
"""What `--gradcheck` may take, as far as it can be told beforehand."""


def command(
    config: Annotated[
        Path | None, typer.Argument(help="The configuration file; not with --resume.")
    ] = None,
    overrides: Overrides = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="[RUN]", help="Go on with a run; the last one if none is named."),
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of train.epochs.")] = None,
    name: Annotated[str | None, typer.Option(help="Instead of the configuration's name.")] = None,
    gradcheck: Annotated[
        bool,
        typer.Option(
            "--gradcheck", help="Check the network's gradients first; a wrong one ends the run."
        ),
    ] = False,
    workers: Workers = None,
    plugin: Plugins = None,
    runs_dir: RunsDir = Path("runs"),
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network; a run directory keeps everything.

    Example: cnnrun train configs/lenet_mnist5k.yaml train.epochs=3
    """
    from cnnrun.runs import stop_on_signals

    workers = workers or default_workers()
    with stop_on_signals() as stop:
        if resume is not None:
            session = _resume(config, overrides, name, resume, epochs, workers, plugin, runs_dir)
        else:
            session = _start(config, overrides, name, epochs, workers, plugin, runs_dir)
        message(f"run {session.run.folder}", quiet=quiet or json)
        if gradcheck:
            _check_gradients(session, quiet or json)
        show = Progress(quiet or json)
        for event in session.events(stop):
            show(event)
    if stop:
        message(
            f"interrupted after step {session.trainer.progress.step}; go on with: "
            f"cnnrun train --resume {session.run.name}"
            + ("" if runs_dir == Path("runs") else f" --runs-dir {runs_dir}")
        )
        if json:
            print_json(_document(session, "interrupted", None))
        raise typer.Exit(stop.exit_code)
    test = _test(session, workers)
    if json:
        print_json(_document(session, "finished", test))
    else:
        _show(session, test)


def _start(
    config: Path | None,
    overrides: list[str] | None,
    name: str | None,
    epochs: int | None,
    workers: int,
    plugin: list[Path] | None,
    runs_dir: Path,
) -> Session:
    from cnnrun.runs import start_run

    if config is None:
        raise typer.BadParameter("give a configuration file, or --resume", param_hint="CONFIG")
    changes = list(overrides or [])
    changes += [f"train.epochs={epochs}"] if epochs is not None else []
    changes += [f"name='{name}'"] if name is not None else []
    experiment = load(config, changes, plugin)
    return start_run(experiment, runs_dir, workers=workers, command=sys.argv)


def _resume(
    config: Path | None,
    overrides: list[str] | None,
    name: str | None,
    resume: str,
    epochs: int | None,
    workers: int,
    plugin: list[Path] | None,
    runs_dir: Path,
) -> Session:
    from cnnrun.runs import find_run, resume_run

    if config is not None or overrides or name:
        raise typer.BadParameter(
            "--resume takes the run's own configuration; only --epochs and --workers may be given"
        )
    load_plugins(plugin)
    run = find_run(resume, runs_dir)
    return resume_run(run, workers=workers, epochs=epochs, command=sys.argv)


def _check_gradients(session: Session, quiet: bool) -> None:
    """Check the run's own network, and keep the report in the run.

    Raises:
        GradientError: a gradient is wrong; the run has failed then.
    """
    from cnnrun.cli.verbs.gradcheck import check_images, run_check
    from cnnrun.gradcheck import plan_network
    from cnnrun.runs.files import write_json

    experiment, recorder = session.experiment, session.recorder
    x = check_images(session.data.train, 4, experiment.seed)
    check = plan_network(
        session.trainer.network,
        x,
        loss=experiment.loss,
        seed=experiment.seed,
        seconds=PREFLIGHT_SECONDS,
    )
    report = run_check(check, quiet)
    write_json(session.run.folder / "gradcheck.json", report.to_dict())
    recorder.document["gradcheck"] = {"verdict": report.verdict, "summary": report.summary()}
    if report.verdict == "fail":
        recorder.end("failed", report.summary())
        raise GradientError(
            f"{report.summary()}\n"
            f"nothing was trained; {session.run.folder}/gradcheck.json says more"
        )
    recorder.save()
    message(f"gradients: {report.summary()}", quiet=quiet)


def _test(session: Session, workers: int) -> Evaluation:
    """Return what the best weights make of the test split."""
    from cnnrun.engine import Executor
    from cnnrun.runs import evaluate
    from cnnrun.runs.checkpoints import read_checkpoint

    network = session.trainer.network
    network.load_state(read_checkpoint(session.run.checkpoint("best")).weights)
    with Executor(network, session.experiment.loss, workers=workers) as executor:
        test = evaluate(executor, session.data.test)
    figures = {"checkpoint": "best", "loss": test.loss, "accuracy": test.accuracy}
    session.recorder.document["test"] = figures
    session.recorder.save()
    return test


def _document(session: Session, status: str, test: Evaluation | None) -> dict[str, Any]:
    record = session.recorder.document
    return {
        "run": str(session.run.folder),
        "status": status,
        "epochs": session.trainer.progress.epoch,
        "steps": session.trainer.progress.step,
        "parameters": record["parameters"],
        "seconds": record["seconds"],
        "final": record["final"],
        "best": record["best"],
        "test": {"loss": test.loss, "accuracy": test.accuracy} if test else None,
    }


def _show(session: Session, test: Evaluation) -> None:
    record, run = session.recorder.document, session.run
    columns = ["epoch", "train loss", "train acc", "val loss", "val acc", "learning rate", "s"]
    made = table(f"{run.name}: {record['parameters']:,} parameters", columns)
    lines = run.read_metrics()
    best = record["best"]["epoch"]
    for line in lines if len(lines) <= 20 else [*lines[:5], *lines[-10:]]:
        made.add_row(
            f"{line['epoch']}{'*' if line['epoch'] == best else ' '}",
            figure(line["train_loss"]),
            share(line["train_accuracy"]),
            figure(line["val_loss"]),
            share(line["val_accuracy"]),
            f"{line['learning_rate']:.2e}",
            f"{line['seconds']:.1f}",
        )
    print_table(made)
    accuracy = "" if test.accuracy is None else f"test accuracy {share(test.accuracy)}, "
    print(f"{accuracy}test loss {figure(test.loss)} (weights of epoch {best}*)")
    print(f"trained in {record['seconds']:.1f} s; run {run.folder}")
    print(f"curves {run.plots / 'curves.png'}")

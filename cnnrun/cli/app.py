"""Assembles the verbs, and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

import cnnrun
from cnnrun.cli.verbs import config, data, evaluate, init, predict, runs, summary, train
from cnnrun.errors import CnnrunError

__all__ = ["app", "run"]

app = typer.Typer(
    name="cnnrun",
    help="Describe a convolutional network in YAML, train it, evaluate it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (train, evaluate, predict, summary, init):
    app.command(verb.NAME)(verb.command)
app.add_typer(runs.app, name="runs")
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"cnnrun {cnnrun.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Describe a convolutional network in YAML, train it, evaluate it.

    Any verb takes --debug, which shows the traceback of an error.
    """


def run() -> None:
    """Run the command line and exit."""
    arguments = sys.argv[1:]
    end = arguments.index("--") if "--" in arguments else len(arguments)
    debug = "--debug" in arguments[:end]
    if debug:
        arguments.remove("--debug")
    arguments = _with_resume_default(arguments)
    try:
        app(arguments, standalone_mode=True)
    except CnnrunError as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except MemoryError:
        print("error: not enough memory; a smaller batch or network needs less", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        if debug:
            raise
        print(f"error: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        print(f"internal error: {kind}: {error} (--debug shows where)", file=sys.stderr)
        sys.exit(70)


def _with_resume_default(arguments: list[str]) -> list[str]:
    """Let `--resume` stand without a value, for the last run."""
    for index, argument in enumerate(arguments):
        following = arguments[index + 1 : index + 2]
        if argument == "--resume" and (not following or following[0].startswith("-")):
            return [*arguments[:index], "--resume=last", *arguments[index + 1 :]]
    return arguments

"""Assembles the verbs into one program."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer

import cnnrun
from cnnrun.cli.arguments import arrange
from cnnrun.cli.command import Group, Verb
from cnnrun.cli.downloads import DownloadProgress
from cnnrun.cli.errors import reported
from cnnrun.cli.ranks import ending_all_ranks
from cnnrun.cli.verbs import (
    bench,
    check,
    config,
    data,
    evaluate,
    explain,
    gradcheck,
    init,
    inspect,
    predict,
    report,
    reproduce,
    runs,
    summary,
    sweep,
    train,
    tune_rate,
)
from cnnrun.transfers import listening

__all__ = ["app", "run"]


class Program(Group):
    """All verbs; errors leave it as messages and exit codes."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Run the verb that the arguments name."""
        words, debug = arrange(sys.argv[1:] if args is None else args)
        with (
            ending_all_ranks(),
            reported(debug),
            DownloadProgress() as progress,
            listening(progress),
        ):
            return super().main(words, *rest, **options)


app = typer.Typer(
    name="cnnrun",
    cls=Program,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    check, tune_rate, train, reproduce, evaluate, report, predict, gradcheck, inspect, summary,
    bench, init,
):  # fmt: skip
    app.command(verb.NAME, cls=Verb)(verb.command)
for name, verbs, group in (
    ("sweep", sweep.app, sweep.Sweeps),
    ("explain", explain.app, Group),
    ("runs", runs.app, Group),
    ("config", config.app, Group),
    ("data", data.app, Group),
):
    for inner in verbs.registered_commands:
        inner.cls = Verb
    app.add_typer(verbs, name=name, cls=group)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"cnnrun {cnnrun.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Describe a convolutional network in YAML, train it, evaluate it.

    Any verb takes --debug, which shows the traceback of an error.
    """


def run() -> NoReturn:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):  # a name that it cannot show is no reason to fail
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    app(prog_name="cnnrun")
    sys.exit()

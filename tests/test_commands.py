"""Every command that a document shows can be typed, and the quick ones print what it shows.

Those of the tutorial are all run, in their order. What needs more, such as installing, stands in a
block of `sh` instead of `console`, and is only read.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer
from shown_commands import Command, commands_of
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.cli.arguments import arrange
from cnnrun.config import load_experiment
from cnnrun.engine import LAYERS
from cnnrun.sweeps.plan import load_plan

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md")),
]
PROGRAM = typer.main.get_command(app)
TUTORIAL = "docs/tutorial.md"
QUICK = ("config", "data", "explain", "summary")
"""The verbs that neither train nor need a run, and print the same on every machine."""


COMMANDS = [
    command
    for document in DOCUMENTS
    for command in commands_of(document, (ROOT / document).read_text("utf-8"))
]


def quick(command: Command) -> bool:
    """Return whether the output of a command can be held against the document."""
    return command.document != TUTORIAL and (
        command.output.startswith("error: ") or (bool(command.output) and command.words[0] in QUICK)
    )


def parse(words: list[str]) -> None:
    """Read a command line as the program does, without running it.

    Raises:
        Exception: there is no such verb or option, or a value that it cannot take.
    """
    arranged, _ = arrange(words)
    verb = PROGRAM
    context = typer.Context(PROGRAM)
    while hasattr(verb, "commands"):
        name, verb, arranged = verb.resolve_command(context, arranged)
    verb.make_context(name, arranged)


def lines_of(text: str) -> list[str]:
    """Return lines without blanks at their ends, and without empty ones at both ends."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_the_documents_show_commands():
    assert sum(map(quick, COMMANDS)) >= 6
    assert len(COMMANDS) > 30


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_command_can_be_typed(command, monkeypatch):
    monkeypatch.chdir(ROOT)
    # In the text, capitals stand for what one puts there; for N a number.
    words = ["1" if word == "N" else word.replace("KEY=VALUE", "a.b=1") for word in command.words]
    try:
        parse(words)
    except Exception as error:  # Typer may bring a click of its own
        if not command.in_prose or type(error).__name__ != "MissingParameter":
            raise
    for word in words:
        if word.startswith(("configs/", "docs/")):
            assert Path(word.partition(":")[0]).is_file(), word
    configs = [word for word in words if word.startswith("configs/")]
    if configs and not command.output.startswith("error: "):
        overrides = [word for word in words if re.match(r"[a-z_.\[\]\d]+=", word)]
        (load_plan if words[0] == "sweep" else load_experiment)(configs[0], overrides)


@pytest.mark.parametrize("words", [["predcit", "last"], ["predict"], ["data", "list", "--al"]])
def test_a_command_that_cannot_be_typed_is_noticed(words):
    with pytest.raises(Exception, match=r"No such|Missing"):
        parse(words)


@pytest.mark.parametrize("command", [*filter(quick, COMMANDS)], ids=str)
def test_a_quick_command_prints_what_is_shown(command, tmp_path, monkeypatch):
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, [*command.words])
    assert result.exit_code == (2 if command.output.startswith("error: ") else 0), result.output
    printed = "\n".join(lines_of(result.output)) + "\n"
    if "\n...\n" not in command.output:
        assert printed == "\n".join(lines_of(command.output)) + "\n"
    for part in re.split(r"^\.\.\.\n", "\n".join(lines_of(command.output)) + "\n", flags=re.M):
        if part:
            before, same, printed = printed.partition(part)
            assert same, f"not printed:\n{part}\nbut:\n{before}"


def in_any_numbers(text: str) -> list[str]:
    """Return lines without what another processor computes otherwise: digits, stars, widths."""
    plain = re.sub(r"[\d*.,%]+(e[-+]\d+)?|e[-+]\d+", "#", text.replace("─", ""))
    return [" ".join(line.split()) for line in plain.splitlines() if line.strip()]


def test_the_tutorial_does_what_it_shows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cnnrun.config.plugins._loaded", {})
    monkeypatch.setenv("COLUMNS", "80")
    text = (ROOT / TUTORIAL).read_text("utf-8")
    steps = re.findall(r"(?:`(\w+\.yaml)`[^`]*)?^```(yaml|console)\n(.*?)^```", text, re.S | re.M)
    assert len(steps) > 10
    try:
        for file, kind, block in steps:
            if kind == "yaml":
                (tmp_path / file).write_text(block)
            for command in commands_of(TUTORIAL, f"```console\n{block}```"):
                do(command)
    finally:
        LAYERS._classes.pop("my_layer", None)


def do(command: Command) -> None:
    """Run a command, and look for the lines that are shown in what it prints, in their order."""
    result = CliRunner().invoke(app, [*command.words])
    assert result.exit_code == (2 if command.output.startswith("error: ") else 0), result.output
    printed = iter(in_any_numbers(result.output))
    for line in in_any_numbers(command.output):
        assert line == "#" or line in printed, f"{command}: {line!r} is not in\n{result.output}"

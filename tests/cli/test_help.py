"""The help of every verb, and what an option that it lacks is answered with."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.cli.help import MOST_UNSORTED, SECTIONS

PROGRAM = typer.main.get_command(app)
VERBS = [
    words
    for name, verb in PROGRAM.commands.items()
    for words in ([[name, inner] for inner in getattr(verb, "commands", {})] or [[name]])
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_help_fits_80_columns_and_names_values_in_one_way(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = CliRunner().invoke(app, [*words, "--help"]).stdout
    assert "Example: cnnrun" in text
    assert max(map(len, text.splitlines())) <= 80
    usage = text.partition("\n\n")[0].removeprefix(f"Usage: cnnrun {' '.join(words)} ")
    assert usage == usage.upper()
    assert not set("{}<>") & set(usage)
    assert "......" not in usage
    named = re.findall(r"^  (\S.*?)(?:   *|$)", text.partition("\n\n  Example")[2], flags=re.M)
    assert named
    assert not set("{}<>") & set("".join(named)), "a type, not a word"


@pytest.mark.parametrize("words", [[], *[[name] for name in ("explain", "runs", "config", "data")]])
def test_what_a_verb_does_is_never_cut(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = CliRunner().invoke(app, [*words, "--help"]).stdout
    assert max(map(len, text.splitlines())) <= 80
    listed = text.partition("\nCommands:\n")[2]
    assert "..." not in listed
    group = PROGRAM.commands[words[0]] if words else PROGRAM
    for name, verb in group.commands.items():
        first = verb.help.partition("\n\n")[0].rstrip(".")
        assert f"{name} {' '.join(first.split())}" in " ".join(listed.split()), name


def headings(text):
    return re.findall(r"^(\w[\w ]*):$", text, flags=re.M)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_many_options_stand_under_the_same_headings_in_the_same_order(words, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = CliRunner().invoke(app, [*words, "--help"]).stdout
    there = [heading for heading in headings(text) if heading != "Arguments"]
    count = len(re.findall(r"^  (?:-\w, )?--", text, flags=re.M)) - 1  # --help is on its own
    if count <= MOST_UNSORTED:
        assert there == ["Options"]
        return
    assert there == [heading for heading in SECTIONS if heading in there]
    assert len(there) >= 3
    for heading in there:
        listed = text.partition(f"\n{heading}:\n")[2].partition("\n\n")[0]
        for option in re.findall(r"^  (?:-\w, )?(--[\w-]+)", listed, flags=re.M):
            home = next((known for known, names in SECTIONS.items() if option in names), "How")
            assert home == heading, option


def test_every_option_of_a_section_is_one_of_some_verb():
    texts = "".join(CliRunner().invoke(app, [*words, "--help"]).stdout for words in VERBS)
    for names in SECTIONS.values():
        for name in names:
            assert re.search(rf"{name}\b", texts), name
    assert len(sum(SECTIONS.values(), ())) == len(set(sum(SECTIONS.values(), ())))


def test_help_draws_no_tables_for_it():
    code = (
        "import sys; from cnnrun.cli.app import app\n"
        "try: app(['train', '--help'])\nexcept SystemExit: pass\n"
        "sys.exit(','.join({'rich', 'numpy', 'cnnrun.config'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, f"imported for a help: {done.stderr}"


@pytest.mark.parametrize(
    ("verb", "words", "override"),
    [
        ("train", ["--lr", "0.1"], "optimizer.sgd.learning_rate=0.1"),
        ("train", ["--lr=0.1"], "optimizer.sgd.learning_rate=0.1"),
        ("train", ["--batch-size", "8"], "train.batch_size=8"),
        ("summary", ["--epochs", "3"], "train.epochs=3"),
        ("summary", ["--epochs"], "train.epochs=VALUE"),
    ],
)
def test_an_unknown_option_is_answered_with_the_key(good, verb, words, override):
    result = CliRunner().invoke(app, [verb, str(good), *words])
    assert result.exit_code == 2
    said = " ".join(result.output.split())
    assert f"No such option: {words[0].partition('=')[0]}; did you mean {override} " in said


@pytest.mark.parametrize("words", [["--wxyz", "1"], ["--wxyz"]])
def test_an_option_like_nothing_is_refused_as_ever(good, words):
    result = CliRunner().invoke(app, ["train", str(good), *words])
    assert result.exit_code == 2
    assert "No such option: --wxyz" in result.output
    assert "did you mean" not in result.output

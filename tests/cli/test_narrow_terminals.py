"""On a terminal of any width, every number that a verb has is printed whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from experiments import TINY
from typer.testing import CliRunner

from cnnrun.cli import tables
from cnnrun.cli.app import app
from cnnrun.cli.verbs import evaluate
from cnnrun.runs import Evaluation
from cnnrun.runs.measures import ClassFigures

NUMBER = re.compile(r"(?<![\w./-])-?\d[\d,./x]*(?:e[-+]\d+)?%?(?![\w-])")
MODEL = SimpleNamespace(run=SimpleNamespace(name="run"), checkpoint="best")


def evaluation(classes):
    """Return an evaluation in which a tenth of the samples is mistaken."""
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, classes * 80)
    scores = random.random((len(labels), classes))
    scores[np.arange(len(labels)), labels] += 2 * (random.random(len(labels)) < 0.9)
    names = tuple(f"class-{number}" for number in range(classes))
    return Evaluation(0.5, ClassFigures(scores, labels, names), split="test")


def matrix_of(out, classes):
    """Return the confusion matrix that was printed, in blocks or as a list."""
    matrix = np.zeros((classes, classes), int)
    shown = out[out.index("confusion") :]
    if shown.startswith("confusions"):
        row = r"class-(\d+) (\d+) ((?:class-\d+: \d+(?:, )?)*|-)"
        for true, right, mistaken in re.findall(row, " ".join(shown.split())):
            matrix[int(true), int(true)] = right
            for predicted, count in re.findall(r"class-(\d+): (\d+)", mistaken):
                matrix[int(true), int(predicted)] = count
        return matrix
    seen = 0
    for line in shown.splitlines():
        names = re.findall(r"class-(\d+)", line)
        if len(names) > 1 or (names and len(line.split()) == 1):
            predicted = [int(name) for name in names]
        elif names:
            cells = line.split()[1:]
            matrix[int(names[0]), predicted] = [int(cell.replace(".", "0")) for cell in cells]
            seen += len(cells)
    assert seen == classes * classes
    return matrix


@pytest.mark.parametrize("classes", [2, 10, 12, 24, 100])
@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_evaluate_prints_every_number_of_its_document(width, classes, monkeypatch, capsys):
    monkeypatch.setattr(tables, "_room", lambda: width)
    measured = evaluation(classes)
    evaluate.show(MODEL, measured)
    out = capsys.readouterr().out
    figures = measured.to_dict()
    assert matrix_of(out, classes).tolist() == figures["confusion_matrix"]
    printed = Counter(NUMBER.findall(out[: out.index("confusion")]))
    wanted = Counter(
        f"{entry[key]:.4f}"
        for entry in figures["per_class"]
        for key in ("precision", "recall", "f1", "auc")
    ) + Counter(str(entry["support"]) for entry in figures["per_class"])
    assert printed >= wanted
    assert width is None or max(map(len, out.splitlines())) <= width


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a configuration of many epochs, and two finished runs of it."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "tiny.yaml").write_text(TINY.replace("name: tiny", "name: a-name-of-some-length"))
    return folder


def invoke(*arguments, home, monkeypatch, width=None):
    monkeypatch.chdir(home)
    monkeypatch.setattr(tables, "_room", lambda: width)
    result = CliRunner().invoke(app, [*arguments, "--quiet"] if "train" in arguments else arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def words(text):
    """Return the text without blanks and rules, and so as if no name had been folded."""
    return Counter(re.sub(r"[\s\u2500]+", "", text))


def test_the_table_of_training_has_every_figure_of_every_epoch(home, monkeypatch):
    out = invoke("train", "tiny.yaml", home=home, monkeypatch=monkeypatch, width=40)
    log = home / "runs/a-name-of-some-length-0001/metrics.jsonl"
    for line in map(json.loads, log.read_text().splitlines()):
        accuracies = [f"{100 * line[key]:.2f}%" for key in ("train_accuracy", "val_accuracy")]
        losses = [f"{line[key]:.4f}" for key in ("train_loss", "val_loss")]
        rate = f"{line['learning_rate']:.2e}"
        assert set(NUMBER.findall(out)) >= {*accuracies, *losses, rate}


def test_epochs_that_the_table_of_training_leaves_out_are_counted(home, monkeypatch):
    short = ["train.epochs=22", "data.dataset.synthetic.train_samples=20", "name=long"]
    out = invoke("train", "tiny.yaml", *short, home=home, monkeypatch=monkeypatch, width=80)
    assert "7 epochs are left out here" in out
    assert "metrics.jsonl has all" in " ".join(out.split())


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "list"],
        ["runs", "show", "last"],
        ["runs", "compare", "long", "a-name-of-some-length"],
        ["summary", "tiny.yaml"],
        ["gradcheck", "--layer", "conv2d", "--input", "6x6x2"],
        ["data", "list"],
        ["data", "info", "tiny.yaml"],
        ["inspect", "last", "--index", "0", "--no-png"],
    ],
    ids=" ".join,
)
def test_a_narrow_terminal_shows_what_a_wide_one_does(arguments, width, home, monkeypatch):
    wide = invoke(*arguments, home=home, monkeypatch=monkeypatch)
    narrow = invoke(*arguments, home=home, monkeypatch=monkeypatch, width=width)
    seconds = re.compile(r"[\d.]+\s+s\b")  # what is measured anew is another number
    wide, narrow = seconds.sub("", wide), seconds.sub("", narrow)
    assert Counter(NUMBER.findall(narrow)) >= Counter(NUMBER.findall(wide))
    assert words(narrow) >= words(wide)


def test_a_real_terminal_shows_every_number(home):
    pty = pytest.importorskip("pty")
    command = [sys.executable, "-m", "cnnrun", "summary", "tiny.yaml"]
    document = json.loads(subprocess.run([*command, "--json"], cwd=home, stdout=-1).stdout)
    for terminal in ("xterm", "dumb"):
        ours, theirs = pty.openpty()
        environment = {**os.environ, "COLUMNS": "40", "TERM": terminal}
        process = subprocess.Popen(command, cwd=home, stdout=theirs, env=environment)
        os.close(theirs)
        out = b""
        try:
            while read := os.read(ours, 65536):
                out += read
        except OSError:  # Linux's way to say that the other end is closed
            pass
        os.close(ours)
        assert process.wait() == 0
        shown = out.decode()
        for layer in document["layers"]:
            assert layer["name"] in shown
            assert f"{layer['multiply_adds']:,}" in shown or not layer["multiply_adds"]

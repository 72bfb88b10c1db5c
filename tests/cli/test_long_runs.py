"""A run of very many epochs is shown in part, kept whole, and read a line at a time."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc

import pytest
from experiments import tiny
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.runs import Run, train

EPOCHS = 3000


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose log says that it had thousands of epochs."""
    folder = tmp_path_factory.mktemp("long")
    run = train(tiny(folder, "train.epochs=1"), folder / "runs", workers=1)
    line = json.loads(run.log.read_text())
    lines = [line | {"epoch": epoch, "train_loss": 2 / epoch} for epoch in range(1, EPOCHS + 1)]
    run.log.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return run


def show(run: Run, *options: str) -> str:
    words = ["runs", "show", run.name, *options, "--runs-dir", str(run.folder.parent)]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_table_shows_the_first_and_the_last_epochs(run):
    shown = show(run)
    rows = [line.split() for line in shown.split(" epochs\n")[-1].splitlines()]
    epochs = [int(row[0]) for row in rows if row and row[0].isdigit()]
    assert epochs == [*range(1, 51), *range(EPOCHS - 99, EPOCHS + 1)]
    assert f"2,850 epochs are left out here; {run.log} has all" in " ".join(shown.split())


def test_a_table_of_some_hundred_epochs_is_whole(run, tmp_path):
    folder = tmp_path / "runs" / run.name
    folder.mkdir(parents=True)
    for file in (run.config, run.record_file):
        (folder / file.name).write_bytes(file.read_bytes())
    short = Run(folder)
    short.log.write_text("".join(run.log.read_text().splitlines(keepends=True)[:200]))
    shown = show(short)
    assert "left out" not in shown
    assert "..." not in shown


def test_programs_are_given_every_epoch(run):
    metrics = json.loads(show(run, "--json"))["metrics"]
    assert [line["epoch"] for line in metrics] == list(range(1, EPOCHS + 1))
    rows = list(csv.DictReader(io.StringIO(show(run, "--csv"))))
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS + 1))


def test_epochs_are_read_one_by_one(run):
    assert len({id(key) for line in run.metrics for key in line}) == len(run.metrics[0])
    tracemalloc.start()
    try:
        count = sum(1 for _ in run.epochs())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == EPOCHS
    assert peak < 0.5 * run.log.stat().st_size


def test_a_damaged_line_is_named_before_anything_is_printed(run, tmp_path):
    log = run.log.read_text()
    try:
        run.log.write_text(log.replace('"epoch": 2999,', '"epoch": -2999,'))
        for options in ([], ["--json"], ["--csv"]):
            words = ["runs", "show", run.name, *options, "--runs-dir", str(run.folder.parent)]
            result = CliRunner().invoke(app, words)
            assert result.exit_code == 2
            assert "metrics.jsonl:2999: epoch" in result.stderr
            assert not result.stdout
    finally:
        run.log.write_text(log)

"""Each observer alone: it needs no other, and no training."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from cnnrun.errors import RunError
from cnnrun.runs.checkpoints import Checkpoint, has_checkpoint, read_checkpoint
from cnnrun.runs.events import (
    Diverged,
    EpochFinished,
    EpochMetrics,
    FinalTest,
    StepFinished,
    Stopped,
    TrainingFinished,
    TrainingStarted,
)
from cnnrun.runs.folder import Run
from cnnrun.runs.observers import (
    CheckpointWriter,
    CurvePlotter,
    EpochLog,
    RecordWriter,
    ResultsTable,
)


def epoch(number, improved=False):
    metrics = EpochMetrics(number, 5 * number, 1.0, 0.5, None, None, 0.1, 2.0, 3.0, 30.0)
    return EpochFinished(metrics, improved)


STEP, START = StepFinished(1, 0, 1, 0.5), TrainingStarted(0, 2, 5)


def test_the_log_has_a_line_an_epoch_and_is_cut(tmp_path):
    log = EpochLog(tmp_path / "metrics.jsonl")
    for event in (START, STEP, epoch(1), epoch(2)):
        log(event)
    lines = log.path.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    assert log.size == log.path.stat().st_size
    again = EpochLog(log.path, len(lines[0]))
    assert log.path.read_bytes() == lines[0]
    again(epoch(2))
    assert log.path.read_bytes() == b"".join(lines)
    assert again.size == log.size
    with pytest.raises(RunError, match="the checkpoint goes on from 9999"):
        EpochLog(log.path, 9999)


def table_of(run):
    with run.results.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_is_the_log_as_rows(tmp_path):
    run = Run(tmp_path)
    log, table = EpochLog(run.log), ResultsTable(run)
    for event in (START, STEP, epoch(1), epoch(2), epoch(3)):
        log(event)
        table(event)
    rows = table_of(run)
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert rows[2]["val_loss"] == ""
    assert [float(row["train_loss"]) for row in rows] == [1.0] * 3
    assert list(rows[0]) == [key for key in run.metrics[0] if key != "kind"]
    whole = run.results.read_bytes()
    assert ResultsTable(run)._columns == tuple(rows[0])
    assert run.results.read_bytes() == whole, "made anew of the log it is the same"


def test_the_table_is_cut_as_the_log_is(tmp_path):
    run = Run(tmp_path)
    log, table = EpochLog(run.log), ResultsTable(run)
    sizes = []
    for event in (epoch(1), epoch(2)):
        log(event)
        table(event)
        sizes.append(log.size)
    log = EpochLog(run.log, sizes[0])
    table = ResultsTable(run)
    assert len(table_of(run)) == 1
    more = replace(epoch(2).metrics, further={"f1": 0.5})
    for event in (EpochFinished(more, improved=False), epoch(3)):
        log(event)
        table(event)
    assert [row["val_f1"] for row in table_of(run)] == ["", "0.5", ""], "another version's figures"
    EpochLog(run.log, 0)
    ResultsTable(run)
    assert not run.results.exists()


def test_checkpoints_are_written_when_it_is_worth_it(tmp_path):
    saved = []

    def take():
        saved.append(len(saved))
        return Checkpoint({"w": np.ones(2)}, {}, {"number": saved[-1]})

    writer = CheckpointWriter(lambda which: tmp_path / which, take)
    for event in (START, STEP, epoch(1)):
        writer(event)
    assert len(saved) == 2
    assert not has_checkpoint(tmp_path / "best")
    for event in (epoch(2, improved=True), Diverged(11, "x"), TrainingFinished(10), Stopped(10)):
        writer(event)
    assert read_checkpoint(tmp_path / "best").state == {"number": 2}
    assert read_checkpoint(tmp_path / "last").state == {"number": 3}


def test_a_checkpoint_is_written_every_ten_seconds(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("cnnrun.runs.observers.checkpoint.time.monotonic", lambda: clock[0])
    saved = []
    writer = CheckpointWriter(
        lambda which: tmp_path / which,
        lambda: saved.append(clock[0]) or Checkpoint({"w": np.ones(2)}, {}, {}),
    )
    for clock[0] in (0.0, 9.0, 11.0, 20.0, 22.0):
        writer(START if clock[0] == 0 else STEP)
    assert saved == [0.0, 11.0, 22.0]


def test_the_record_follows_a_training(tmp_path):
    def last_record(*events):
        record = RecordWriter(tmp_path / "run.json", {"status": "running", "seconds": 0.0})
        record.note()
        for event in events:
            record(event)
        return json.loads((tmp_path / "run.json").read_text())

    assert last_record(START, STEP)["status"] == "running"
    document = last_record(epoch(1, improved=True), epoch(2), TrainingFinished(10))
    assert (document["best"]["epoch"], document["final"]["epoch"]) == (1, 2)
    assert document["seconds"] == 6.0
    assert document["status"] == "running", "it is not finished before its test"
    document = last_record(FinalTest("best", 0.25, None))
    assert document["status"] == "finished"
    assert document["test"] == {"checkpoint": "best", "loss": 0.25, "accuracy": None}
    assert last_record(Stopped(3))["status"] == "interrupted"
    document = last_record(Diverged(3, "why"))
    assert (document["status"], document["error"]) == ("diverged", "why")


def test_curves_are_drawn_at_the_end(tmp_path):
    run = Run(tmp_path)
    log, plotter = EpochLog(run.log), CurvePlotter(run, lambda: {"epoch": 1})
    for event in (epoch(1), epoch(2)):
        log(event)
        plotter(event)
    assert not run.plots.exists()
    plotter(TrainingFinished(10))
    assert (run.plots / "curves.png").exists()

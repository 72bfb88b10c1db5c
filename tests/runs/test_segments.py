"""What a run that was extended was trained with, from which step on; and that this repeats it."""

from __future__ import annotations

import hashlib
import json

import pytest
from command_line import run as program
from experiments import TINY, log_of, tiny, weights_of

from cnnrun.config import load_experiment
from cnnrun.errors import RunError
from cnnrun.runs import StopRequest, resume_run, run_segments, start_run
from cnnrun.runs.events import StepFinished
from cnnrun.runs.progress import Progress
from cnnrun.runs.segments import list_segments


def train(session, until=None):
    """Train to the end, or to a step; return the run."""
    stop = StopRequest()
    for event in session.events(stop):
        if isinstance(event, StepFinished) and event.step == until:
            stop.signal = 2
    return session.run


def extended(folder):
    """Return a run of 2 epochs, whose schedule is then stretched to 3, and in mid-epoch to 4."""
    folder.mkdir()
    start = start_run(tiny(folder, "train.epochs=2"), folder / "r", workers=1, command=["start"])
    run = train(start)
    run = train(resume_run(run, workers=1, epochs=3, command=["three"]), until=13)
    run = train(resume_run(run, workers=1, command=["go", "on"]), until=14)
    return train(resume_run(run, workers=1, epochs=4, command=["four"]))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return extended(tmp_path_factory.mktemp("extended") / "runs")


def test_the_record_lists_the_segments(run):
    listed = run_segments(run)
    assert [(each.from_step, each.from_epoch, each.command) for each in listed] == [
        (0, 0, ("start",)),
        (10, 2, ("three",)),
        (14, 2, ("four",)),
    ]
    assert [each.experiment().train.epochs for each in listed] == [2, 3, 4]
    for each in listed:
        assert each.configuration == hashlib.sha256(each.file.read_bytes()).hexdigest()
    assert listed[-1].file == run.config


def test_following_the_segments_repeats_the_run_to_the_bit(run, tmp_path):
    first, *later = run_segments(run)
    ends = [segment.from_step for segment in later] + [None]
    again = train(start_run(first.experiment(), tmp_path, workers=2), ends[0])
    for segment, end in zip(later, ends[1:], strict=True):
        epochs = segment.experiment().train.epochs
        again = train(resume_run(again, epochs=epochs, workers=1), end)
    for which in ("last", "best"):
        assert weights_of(again.folder, which) == weights_of(run.folder, which)
    assert log_of(again.folder) == log_of(run.folder)
    straight = train(start_run(load_experiment(run.config), tmp_path / "straight", workers=1))
    assert weights_of(straight.folder) != weights_of(run.folder), "config.yaml alone does not"


def test_a_run_that_was_not_extended_has_one_segment_and_no_copies(tmp_path):
    run = train(start_run(tiny(tmp_path), tmp_path / "runs", command=["start"]), until=3)
    run = train(resume_run(run), until=6)
    (segment,) = run_segments(run)
    assert (segment.from_step, segment.command, segment.file) == (0, ("start",), run.config)
    assert not (run.folder / "configs").exists()


def entry(step, text):
    return {
        "from_step": step,
        "from_epoch": 0,
        "configuration": hashlib.sha256(text).hexdigest(),
        "plugins": [],
        "command": [],
    }


@pytest.mark.parametrize(
    ("before", "step", "text", "expected"),
    [
        ([], 0, b"a", [(0, b"a")]),
        ([(0, b"a")], 5, b"a", [(0, b"a")]),
        ([(0, b"a")], 5, b"b", [(0, b"a"), (5, b"b")]),
        ([(0, b"a"), (5, b"b")], 5, b"c", [(0, b"a"), (5, b"c")]),  # b trained no step
        ([(0, b"a"), (5, b"b")], 5, b"a", [(0, b"a")]),
        ([(0, b"a"), (5, b"b")], 3, b"b", [(0, b"a"), (3, b"b")]),  # no checkpoint has b's steps
        ([(0, b"a")], 0, b"b", [(0, b"b")]),
    ],
)
def test_only_what_was_trained_is_a_segment(before, step, text, expected):
    listed = list_segments([entry(*each) for each in before], Progress(step=step), text, [], [])
    assert listed == [entry(*each) for each in expected]


@pytest.mark.parametrize(
    ("segments", "says"),
    [
        (None, "does not say"),
        ([], "does not say"),
        ([entry(5, b"a")], "does not say"),
        ([entry(0, b"a")], r"configs.ca978112ca1b\.yaml: missing, or changed"),
        ([{**entry(0, b"a"), "configuration": "../../x"}], "segments.0.configuration"),
    ],
)
def test_what_the_record_cannot_tell_is_said(tmp_path, segments, says):
    run = train(start_run(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1))
    record = json.loads(run.record_file.read_text())
    if segments is None:
        del record["segments"]
    else:
        record["segments"] = segments
    run.record_file.write_text(json.dumps(record))
    with pytest.raises(RunError, match=says):
        run_segments(run)


def test_runs_show_lists_the_segments(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    program("train", "tiny.yaml", "--epochs", 1, "-q", cwd=tmp_path)
    assert "from step" not in program("runs", "show", "last", cwd=tmp_path).stdout
    program("train", "--resume", "--epochs", 2, "-q", cwd=tmp_path)
    shown = program("runs", "show", "last", cwd=tmp_path).stdout
    rows = shown.partition("from step")[2].splitlines()
    assert any("train tiny.yaml --epochs 1" in row for row in rows)
    assert any("train --resume --epochs 2" in row for row in rows)
    record = json.loads(program("runs", "show", "last", "--json", cwd=tmp_path).stdout)
    assert [segment["from_step"] for segment in record["segments"]] == [0, 5]

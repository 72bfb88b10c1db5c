"""How runs end, and what is seen of those that ended in the middle."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import run as cnnrun
from experiments import TINY, log_of, tiny, weights_of

from cnnrun.errors import RunError
from cnnrun.runs import list_runs, resume, resume_run, start_run, stop_on_signals, train
from cnnrun.runs.claiming import claim_run
from cnnrun.runs.comparison import summarize_run
from cnnrun.runs.events import EpochFinished, Event, TrainingFinished

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(autouse=os.name == "posix")
def hangup():
    """SIGHUP does what it does by default, also where the tests run under `nohup`."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return train(tiny(folder), folder / "runs", workers=1)


def killed_after(folder: Path, last: Callable[[Event], bool]):
    """Return a run that looks as SIGKILL leaves it behind an event: nobody wrote how it ended."""
    session = start_run(tiny(folder), folder / "runs", workers=1)
    session._end = lambda *arguments: None
    events = session.events()
    next(event for event in events if last(event))
    events.close()
    return session.run


def is_epoch(number: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, EpochFinished) and event.metrics.epoch == number


def same(record: dict, other: dict) -> bool:
    """Return whether two runs came to the same figures, the clock aside."""
    clock = ("seconds", "samples_per_second")
    return all(
        {key: value for key, value in record[which].items() if key not in clock}
        == {key: value for key, value in other[which].items() if key not in clock}
        for which in ("final", "best", "test")
    )


def test_a_record_that_is_behind_is_put_right_by_a_resume(whole, tmp_path):
    run = killed_after(tmp_path, is_epoch(3))
    record = run.record
    record.update(best=None, final=None, seconds=0.0)
    run.record_file.write_text(json.dumps(record))
    resume(run, workers=1)
    assert same(run.record, whole.record)
    assert run.record["seconds"] == pytest.approx(sum(line["seconds"] for line in run.metrics))


def test_a_best_checkpoint_that_is_behind_is_written_by_a_resume(whole, tmp_path):
    run = killed_after(tmp_path, is_epoch(1))
    assert run.record["best"]["epoch"] == 1
    shutil.rmtree(run.checkpoint("best"))
    resume_run(run, workers=1).close()
    resume(run, workers=1)
    assert weights_of(run.folder, "best") == weights_of(whole.folder, "best")
    assert same(run.record, whole.record)


def test_a_run_killed_after_its_last_epoch_is_finished_by_a_resume(whole, tmp_path):
    run = killed_after(tmp_path, lambda event: isinstance(event, TrainingFinished))
    shutil.rmtree(run.plots)
    assert run.record["status"] == "stopped"
    resume(run, workers=1)
    assert (run.plots / "curves.png").exists()
    assert log_of(run.folder) == log_of(whole.folder)
    assert run.record["status"] == "finished"
    assert same(run.record, whole.record)


def test_what_a_run_was_checked_for_is_remembered(tmp_path):
    session = start_run(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1)
    session.record.note(gradcheck={"verdict": "pass"})
    session.close()
    resume(session.run, workers=1)
    assert session.run.record["gradcheck"] == {"verdict": "pass"}


def test_a_run_that_nobody_trains_is_stopped_though_its_record_says_running(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    run = session.run
    assert run.record["status"] == "running"
    session.close()
    files = {path: path.stat().st_mtime_ns for path in [run.folder, *run.folder.rglob("*")]}
    assert summarize_run(run)["status"] == "stopped"
    rows = json.loads(cnnrun("runs", "list", "--json", cwd=tmp_path).stdout)["runs"]
    assert [row["status"] for row in rows] == ["stopped"]
    shown = cnnrun("runs", "show", "last", cwd=tmp_path).stdout
    assert "stopped" in shown
    assert "running" not in shown
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert '"running"' in run.record_file.read_text()


def test_an_unfinished_folder_is_no_run_and_is_removed_after_an_hour(tmp_path):
    old, new = (tmp_path / f".x-{name}.new" for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        (folder / "config.yaml").write_text("")
    os.utime(old, (0, 0))
    assert list_runs(tmp_path) == []
    run = claim_run(tmp_path, "x", {"config.yaml": b"name: x"})
    assert run.config.read_bytes() == b"name: x"
    assert list_runs(tmp_path) == [run]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".x-new.new", "x-0001"]


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(RunError, match="cannot create a run"):
        claim_run(tmp_path, "x", {"no/such/folder": b""})
    assert list(tmp_path.iterdir()) == []


@POSIX
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_behind_the_last_step_ends_a_finished_run(tmp_path, name):
    session = start_run(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1)
    with stop_on_signals() as stop:
        for event in session.events(stop):
            if isinstance(event, EpochFinished):
                signal.raise_signal(getattr(signal, name))
    assert stop
    assert session.status == "finished"
    assert session.run.record["test"]


def training(folder: Path, *arguments: str) -> subprocess.Popen:
    """Start a long training, and return it when it has made steps."""
    (folder / "tiny.yaml").write_text(TINY)
    words = ["train", "tiny.yaml", "train.epochs=100000", *arguments]
    process = subprocess.Popen(
        [sys.executable, "-m", "cnnrun", *words], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("epoch"):
            return process
    raise AssertionError("it did not begin")


@POSIX
def test_a_closed_terminal_saves_and_nohup_goes_on(tmp_path):
    process = training(tmp_path, "--workers=2")
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 129
    (run,) = list_runs(tmp_path / "runs")
    assert run.record["status"] == "interrupted"
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it, and children inherit it
    try:
        process = training(tmp_path)
    finally:
        signal.signal(signal.SIGHUP, old)
    process.send_signal(signal.SIGHUP)
    assert process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


@POSIX
def test_of_two_resumes_the_second_is_refused_and_a_killed_run_is_stopped(tmp_path):
    process = training(tmp_path, "--workers=1")
    try:
        refused = cnnrun("train", "--resume", cwd=tmp_path, check=False)
        assert refused.returncode == 2
        assert "tiny-0001: another process is training this run" in refused.stderr
        (run,) = list_runs(tmp_path / "runs")
        assert run.record["status"] == "running"
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert run.record["status"] == "stopped"
    assert resume(run, workers=1, epochs=len(run.metrics) + 1).record["status"] == "finished"

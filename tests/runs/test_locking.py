"""A run belongs to one process, from the moment it is opened until its test figure is written."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys

import pytest
from experiments import TINY, log_of, tiny

from cnnrun.errors import DivergedError, RunError
from cnnrun.runs import opening, resume_run, start_run
from cnnrun.runs.events import FinalTest, StepFinished
from cnnrun.runs.signals import StopRequest

HELD = "another process is training this run"


def is_free(run) -> bool:
    try:
        run.lock().release()
    except RunError:
        return False
    return True


@pytest.fixture
def interrupted(tmp_path):
    """A run that stopped in its second epoch."""
    session, stop = start_run(tiny(tmp_path), tmp_path / "runs", workers=1), StopRequest()
    for event in session.events(stop):
        if isinstance(event, StepFinished) and event.step == 7:
            stop.signal = signal.SIGINT
    return session.run


def test_a_run_is_resumed_by_one_session_at_a_time(interrupted):
    first = resume_run(interrupted, workers=1)
    with pytest.raises(RunError, match=HELD):
        resume_run(interrupted, workers=1)
    for _ in first:
        pass
    assert [line["epoch"] for line in log_of(interrupted.folder)] == [1, 2, 3, 4]


def test_the_checkpoint_is_read_under_the_lock(interrupted, monkeypatch):
    read, was_free = opening.read_training, []

    def watched(folder):
        was_free.append(is_free(interrupted))
        return read(folder)

    monkeypatch.setattr(opening, "read_training", watched)
    resume_run(interrupted, workers=1).close()
    assert was_free == [False]


def test_a_new_run_is_locked_from_its_start_through_its_test(tmp_path):
    session = start_run(tiny(tmp_path, "train.epochs=1"), tmp_path / "runs", workers=1)
    with pytest.raises(RunError, match=HELD):
        resume_run(session.run, workers=1)
    told = [(type(event), is_free(session.run)) for event in session]
    assert not any(free for _, free in told)
    assert told[-1][0] is FinalTest
    assert is_free(session.run)


def test_a_session_lets_go_when_it_is_closed_or_forgotten(interrupted):
    with resume_run(interrupted, workers=1) as session:
        assert not is_free(interrupted)
    assert is_free(interrupted)
    with pytest.raises(RunError, match="session is closed"):
        next(iter(session))
    session = resume_run(interrupted, workers=1)
    del session
    gc.collect()
    assert is_free(interrupted)


def test_what_cannot_be_opened_or_trained_is_let_go(interrupted, tmp_path):
    with pytest.raises(RunError, match="epochs are done"):
        resume_run(interrupted, workers=1, epochs=1)
    assert is_free(interrupted)
    overrides = ("optimizer.adam.learning_rate=1e30", "network[1]=relu")
    session = start_run(tiny(tmp_path, *overrides), tmp_path / "diverging", workers=1)
    with pytest.raises(DivergedError):
        list(session)
    assert is_free(session.run)


def test_a_killed_process_leaves_no_lock(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    program = """
from pathlib import Path
from cnnrun.config import load_experiment
from cnnrun.runs import start_run
session = start_run(load_experiment(Path("tiny.yaml")), workers=2)
for event in session:
    print(session.run.folder, flush=True)
    input()
"""
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        from cnnrun.runs import Run

        run = Run(tmp_path / child.stdout.readline().strip())
        assert not is_free(run)
        child.kill()
    assert is_free(run)
    resume_run(run, workers=1).close()

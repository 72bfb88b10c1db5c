"""`mpiexec -n N cnnrun train`: its bits, and how it ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from experiments import TINY, log_of, weights_of

pytest.importorskip("mpi4py", reason="pip install 'cnnrun[mpi]'", exc_type=ImportError)
beside = Path(sys.executable).with_name("mpiexec")
MPIEXEC = str(beside) if beside.exists() else shutil.which("mpiexec")
if MPIEXEC is None:
    pytest.skip("there is no mpiexec", allow_module_level=True)

FAILING = """
import os
from cnnrun.engine.layer import LAYERS
from cnnrun.engine.layers import ReLU

@LAYERS.register("failing")
class Failing(ReLU):
    def forward(self, x, ctx):
        if ctx.run.step == 7 and os.environ["PMI_RANK"] == os.environ.get("FAILS"):
            raise ValueError("it fails here")
        return super().forward(x, ctx)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    (tmp_path / "failing.py").write_text(FAILING)
    return tmp_path


def start(folder, ranks, *arguments, **environment):
    words = [sys.executable, "-m", "cnnrun", "train", *map(str, arguments), "--no-report"]
    launcher = [MPIEXEC, "-n", str(ranks)] if ranks else []
    return subprocess.Popen(
        [*launcher, *words],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def train(folder, ranks, *arguments, code=0, **environment):
    process = start(folder, ranks, *arguments, **environment)
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == code, err
    return out, err


def under_way(folder, name, ranks, *arguments):
    """Start a long training; return it when its first epoch is done, and its process."""
    process = start(folder, ranks, "tiny.yaml", "train.epochs=5000", "--name", name, *arguments)
    run = folder / "runs" / f"{name}-0001"
    deadline = time.monotonic() + 60
    while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").stat().st_size:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return run, process


def ranks_of(process):
    """Return the ranks that mpiexec has started: its proxy's children."""
    family = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not family.exists():
        process.kill()
        pytest.skip("the system does not tell the children of a process")
    return [
        int(rank)
        for proxy in family.read_text().split()
        for rank in Path(f"/proc/{proxy}/task/{proxy}/children").read_text().split()
    ]


def test_ranks_and_workers_give_the_bits_of_one_process(folder):
    train(folder, 0, "tiny.yaml", "--name", "one", "--workers", 1)
    out, err = train(folder, 2, "tiny.yaml", "--name", "two", "--workers", 2)
    one, two = (folder / "runs" / f"{name}-0001" for name in ("one", "two"))
    assert weights_of(one) == weights_of(two)
    assert log_of(one) == log_of(two)
    assert err.count("2 ranks on") == out.count("test accuracy") == 1
    assert len(list((folder / "runs").glob("two-*"))) == 1


def holds_back(process, number):
    """Return whether both ranks hold a signal back."""
    masks = []
    for rank in ranks_of(process):
        status = Path(f"/proc/{rank}/status").read_text()
        masks.append(int(status.partition("SigBlk:")[2].split()[0], 16))
    return len(masks) == 2 and all(mask >> (number - 1) & 1 for mask in masks)


def test_an_interrupt_while_ranks_start_is_heard(folder):
    process = start(folder, 2, "tiny.yaml", "train.epochs=5000")
    seen, deadline = 0, time.monotonic() + 30
    while seen < 5:  # more than a moment, as at a fork: while they import what they need
        assert process.poll() is None
        assert time.monotonic() < deadline
        seen = seen + 1 if holds_back(process, signal.SIGINT) else 0
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err


@pytest.mark.parametrize("rank", ["0", "1"])
def test_an_error_in_one_rank_ends_all(folder, rank):
    begun = time.monotonic()
    changes = ("tiny.yaml", "network[2]=failing", "--plugin", "failing.py")
    _, err = train(folder, 2, *changes, code=2, FAILS=rank)
    assert "it fails here" in err
    assert time.monotonic() - begun < 60  # else they would wait for ever


def test_a_mistake_is_told_once_and_ends_all(folder):
    _, err = train(folder, 2, "missing.yaml", code=2)
    assert err.count("error: missing.yaml: no such file") == 1


def test_an_interrupt_saves_and_any_number_of_ranks_goes_on(folder):
    run, process = under_way(folder, "long", 2)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted after step" in err
    done = len(log_of(run)) + 1
    train(folder, 0, "--resume", "long", "--epochs", done)
    assert len(log_of(run)) == done


def test_a_rank_that_is_killed_ends_the_job_and_the_run_goes_on(folder):
    run, process = under_way(folder, "killed", 2, "schedule=constant")
    os.kill(ranks_of(process)[-1], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode != 0
    done = len(log_of(run)) + 2
    train(folder, 3, "--resume", "killed", "--epochs", done)
    train(folder, 0, "tiny.yaml", f"train.epochs={done}", "schedule=constant", "--name", "alone")
    assert weights_of(run) == weights_of(folder / "runs" / "alone-0001")


def test_bench_shows_what_ranks_send(folder):
    words = [sys.executable, "-m", "cnnrun", "bench", "tiny.yaml", "--ranks", "--seconds", "0.1"]
    done = subprocess.run(
        [MPIEXEC, "-n", "2", *words], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tiny: 2 ranks") == 1
    assert "formula" in done.stdout

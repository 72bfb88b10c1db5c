"""Every storage alike: points are tried once, whoever asks, and whatever is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from experiments import log_of, weights_of

import cnnrun
from cnnrun.errors import RunError
from cnnrun.runs import Run, start_run
from cnnrun.sweeps import find_sweep, start_sweep, status_of
from cnnrun.sweeps.reconcile import is_superseded, reconcile
from cnnrun.sweeps.storage import patiently
from cnnrun.sweeps.worker import work

RATES = "optimizer.adam.learning_rate=0.01,0.1"
ALONE = ["optimizer.adam.learning_rate=0.1"]


def begun(storage, *more, grace=0.6, **options):
    return start_sweep("tiny.yaml", [RATES, *more], storage=storage, grace=grace, **options)


def join(storage, *more):
    """Start a process that joins."""
    command = [sys.executable, "-m", "cnnrun", "sweep", "join", storage, "tiny-sweep",
               "--workers", "1", *more]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def test_four_threads_take_each_waiting_trial_once(storage):
    sweep = begun(storage, "train.batch_size=1,2,3,4,5,6,7,8,9,10")
    taken = []

    def take():
        own = find_sweep("tiny-sweep", storage=storage)
        while any(trial.status == "waiting" for trial in own.trials()):
            taken.append(own.ask().number)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trials = sweep.trials()
    assert Counter(number for number in taken if trials[number].point is not None) == Counter(
        range(20)
    )
    assert all(is_superseded(trial, trials) for trial in trials if trial.point is None)


def test_of_twins_the_lowest_number_counts(storage):
    sweep = begun(storage)
    sweep.queue(0, 0)  # as another process would, at the same moment
    work(sweep, runs := Path("runs"), workers=1)
    statuses = [(trial.point, trial.status) for trial in sweep.trials()]
    assert statuses == [(0, "finished"), (1, "finished"), (0, "superseded")]
    assert len([*runs.glob("tiny-*")]) == 2


def test_what_a_killed_process_leaves_is_tried_again(storage, home):
    """Killed before the first beat, in mid-trial, between the end and the retry, before `tell`."""
    sweep = begun(storage)
    sweep.ask()  # and nobody ever beats for it
    status = cnnrun.join_sweep(storage, "tiny-sweep", workers=1)
    assert (status.counts, status.attempts) == ({"finished": 2}, 3)
    assert status.trials[0].attempt == 1


def test_a_retry_goes_on_where_the_checkpoint_stands(storage, home):
    sweep = begun(storage, "train.epochs=6", grace=0.5)
    process = join(storage)
    wait_for(lambda: any(len(trial.epochs) >= 2 for trial in sweep.trials()[1:]))
    process.kill()
    process.communicate()
    status = cnnrun.join_sweep(storage, "tiny-sweep", workers=1)
    assert status.counts == {"finished": 2}
    last = status.trials[1]
    assert list(last.epochs) == [1, 2, 3, 4, 5, 6]
    if last.attempt:  # it was killed in time
        assert last.runs[-1]["folder"].endswith("tiny-sweep-1-0002")
        assert Run(home / "runs/tiny-sweep-1-0001").record["status"] == "stopped"
    settings = [*ALONE, "train.epochs=6"]
    alone = cnnrun.train(cnnrun.load_experiment("tiny.yaml", settings), workers=1)
    trained = Run(Path(last.runs[-1]["folder"]))
    for which in ("last", "best"):
        assert weights_of(trained.folder, which) == weights_of(alone.folder, which)
    assert log_of(trained.folder) == log_of(alone.folder)


def test_killed_after_the_last_epoch_the_record_counts(storage, home):
    sweep = begun(storage)
    trial = sweep.ask()
    record = {"name": "tiny-sweep", "digest": sweep.plan.digest, "point": 0, "attempt": 0}
    experiment = cnnrun.load_experiment("tiny.yaml", ["train.epochs=2", "name=x"])
    with start_run(experiment, workers=1, notes={"sweep": record}) as session:
        for _ in session.events():
            pass
    sweep.choose(trial)
    runs = [{"seed": None, "folder": str(session.run.folder.absolute()), "host": "here"}]
    sweep.note(trial, runs=runs)
    status = cnnrun.join_sweep(storage, "tiny-sweep", workers=1)
    assert status.trials[0].value == session.run.record["best"]["val_accuracy"]
    assert (status.trials[0].attempt, list(status.trials[0].epochs)) == (1, [1, 2])
    assert [run["folder"] for run in status.trials[0].runs] == [runs[0]["folder"]]
    assert not list((home / "runs").glob("tiny-sweep-0-*"))


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no process can be frozen here")
def test_a_frozen_process_that_wakes_gives_way(storage, home):
    sweep = begun(storage, "train.epochs=25", grace=1.5)
    process = join(storage)
    wait_for(lambda: any(trial.epochs for trial in sweep.trials()))
    freeze(process, sweep)
    try:
        status = cnnrun.join_sweep(storage, "tiny-sweep", workers=1)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    assert status.counts == {"finished": 2}
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    again = status_of(sweep)
    assert again.trials == status.trials
    finished = [trial.point for trial in sweep.trials() if trial.status == "finished"]
    assert sorted(finished) == [0, 1]
    old = Run(home / "runs/tiny-sweep-0-0001").record["status"]
    assert old in ("superseded", "interrupted")


def test_a_process_that_is_taken_for_lost_before_it_chooses_takes_another_trial(storage):
    sweep = begun(storage)
    choose, taken = sweep.choose, []

    def frozen_meanwhile(trial):
        if not taken:
            assert find_sweep("tiny-sweep", storage=storage).tell(trial.number, "FAIL")
        taken.append(trial.number)
        return choose(trial)

    sweep.choose = frozen_meanwhile
    work(sweep, Path("runs"), workers=1)
    assert (status_of(sweep).counts, len(taken)) == ({"finished": 2}, 3)


def test_a_point_is_not_tried_for_ever(storage):
    sweep = begun(storage, retries=1, grace=0.3)
    for attempt in range(2):
        trial = sweep.ask()
        while sweep.trials()[trial.number].point != 0:  # the other point's, put off
            trial = sweep.ask()
        assert sweep.tell(trial.number, "FAIL")
        assert reconcile(sweep, sweep.trials()) == (attempt == 0)
        assert not reconcile(sweep, sweep.trials())
        assert not sweep.tell(trial.number, "COMPLETE", 1.0), "somebody else had ended it"
    status = cnnrun.join_sweep(storage, "tiny-sweep", workers=1)
    assert (status.state, status.counts) == ("finished", {"finished": 1, "failed": 1})


def test_a_server_that_is_away_for_a_while(postgres, home):
    url = postgres.database("away")
    begun(url, "train.epochs=30", grace=2.0)
    process = join(url)
    sweep = find_sweep("tiny-sweep", storage=url)
    wait_for(lambda: any(trial.epochs for trial in sweep.trials()))
    postgres.stop()
    try:
        time.sleep(3)
    finally:
        postgres.start()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    status = status_of(find_sweep("tiny-sweep", storage=url))
    assert (status.counts, status.attempts) == ({"finished": 2}, 2)


def test_a_storage_that_stays_away(monkeypatch):
    pytest.importorskip("optuna")
    monkeypatch.setattr("cnnrun.sweeps.storage.PATIENCE", 0.2)

    def away():
        raise OSError("gone")

    with pytest.raises(RunError, match=r"db: cannot be reached for 0 s \(gone"):
        patiently(away, where="db")


def freeze(process, sweep):
    """Freeze a process while it does not hold the storage, which a frozen one would keep."""

    def write():
        sweep.study.set_user_attr("probe", 1)

    while True:
        os.kill(process.pid, signal.SIGSTOP)
        probe = threading.Thread(target=write)
        probe.start()
        probe.join(2)
        if not probe.is_alive():
            return
        os.kill(process.pid, signal.SIGCONT)
        probe.join()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)

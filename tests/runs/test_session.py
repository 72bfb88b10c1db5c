"""Runs: what they leave on the disk, how they stop, resume and end."""

from __future__ import annotations

import json
import shutil
import signal
from dataclasses import replace

import numpy as np
import pytest
from experiments import log_of, tiny, weights_of

from cnnrun.config import dump_yaml
from cnnrun.errors import CheckpointError, DivergedError, RunError
from cnnrun.runs import StopRequest, find_run, list_runs, resume_run, start_run
from cnnrun.runs.batches import batch_slices
from cnnrun.runs.claiming import claim_run
from cnnrun.runs.events import EpochFinished, FinalTest, StepFinished, Stopped, TrainingFinished
from cnnrun.runs.folder import Run


def train(session, stop_at=None):
    """Train to the end, or ask to stop after step `stop_at`; return the events."""
    stop, events = StopRequest(), []
    for event in session.events(stop):
        events.append(event)
        if isinstance(event, StepFinished) and event.step == stop_at:
            stop.signal = signal.SIGINT
    return events


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    session = start_run(tiny(folder), folder / "runs", workers=1, command=["cnnrun", "train"])
    events = train(session)
    return session, events


def test_events_come_in_order(whole):
    _, events = whole
    assert isinstance(events[-2], TrainingFinished)
    assert isinstance(events[-1], FinalTest)
    assert [e.step for e in events if isinstance(e, StepFinished)] == list(range(1, 21))
    assert [e.metrics.epoch for e in events if isinstance(e, EpochFinished)] == [1, 2, 3, 4]


def test_run_json_tells_what_was_done(whole):
    session, _ = whole
    record = session.run.record
    assert record["status"] == "finished"
    assert record["command"] == ["cnnrun", "train"]
    assert record["final"]["epoch"] == 4
    assert record["seed"] == 3
    assert record["parameters"] == session.trainer.network.parameter_count
    assert len(record["dataset"]["sha256"]) == 64
    assert {"cnnrun", "python", "numpy", "blas"} <= record["versions"].keys()
    assert record["best"]["val_accuracy"] == max(
        e["val_accuracy"] for e in log_of(session.run.folder)
    )


def test_the_log_has_every_key(whole):
    line = json.loads(whole[0].run.log.read_text().splitlines()[0])
    assert line["kind"] == "epoch"
    assert line.keys() >= {
        "epoch", "step", "train_loss", "train_accuracy", "val_loss", "val_accuracy",
        "learning_rate", "grad_norm", "seconds", "samples_per_second", "val_auc",
    }  # fmt: skip


def test_the_curves_are_a_picture(whole):
    assert (whole[0].run.plots / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_the_resolved_configuration_alone_repeats_the_run(whole, tmp_path):
    from cnnrun.config import load_experiment

    again = start_run(load_experiment(whole[0].run.config), tmp_path, workers=2)
    train(again)
    assert weights_of(again.run.folder) == weights_of(whole[0].run.folder)


def test_another_seed_gives_other_weights(whole, tmp_path):
    other = start_run(tiny(tmp_path, "seed=4", "train.epochs=1"), tmp_path / "r", workers=1)
    train(other)
    assert weights_of(other.run.folder) != weights_of(whole[0].run.folder)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("stops", [(1,), (6,), (3, 7, 18), (19,)])
def test_resume_is_exact_to_the_bit(whole, tmp_path, stops, workers):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=workers)
    for stop_at in stops:
        events = train(session, stop_at)
        assert isinstance(events[-1], Stopped)
        assert session.run.record["status"] == "interrupted"
        session = resume_run(session.run, workers=workers)
    assert session.run.record["resumed"] == len(stops)
    train(session)
    assert session.run.record["status"] == "finished"
    for which in ("last", "best"):
        assert weights_of(session.run.folder, which) == weights_of(whole[0].run.folder, which)
    assert log_of(session.run.folder) == log_of(whole[0].run.folder)


def test_what_the_log_says_after_the_checkpoint_is_cut(whole, tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    train(session, 8)
    with session.run.log.open("a") as file:
        file.write('{"kind": "epoch", "epoch": 2}\n{"kind": "ep')  # as a kill may leave it
    train(resume_run(session.run, workers=1))
    assert log_of(session.run.folder) == log_of(whole[0].run.folder)


def test_a_run_killed_before_its_first_checkpoint_starts_over(whole, tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    session.close()
    train(resume_run(session.run, workers=1))
    assert weights_of(session.run.folder) == weights_of(whole[0].run.folder)


def test_more_epochs_extend_a_finished_run(tmp_path):
    options = ("schedule=constant", "train.epochs=3")
    long = start_run(tiny(tmp_path, *options), tmp_path / "a", workers=1)
    train(long)
    short = start_run(tiny(tmp_path, *options, "train.epochs=1"), tmp_path / "b", workers=1)
    train(short)
    with pytest.raises(RunError, match="all 1 epochs are done"):
        resume_run(short.run, workers=1)
    train(resume_run(short.run, workers=1, epochs=3))
    assert weights_of(short.run.folder) == weights_of(long.run.folder)
    assert log_of(short.run.folder) == log_of(long.run.folder)


def test_other_data_are_not_resumed_on(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    train(session, 3)
    text = session.run.config.read_text().replace("train_samples: 90", "train_samples: 91")
    session.run.config.write_text(text)
    with pytest.raises(CheckpointError, match="SHA-256"):
        resume_run(session.run, workers=1)


def test_the_state_of_another_optimizer_is_refused(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    train(session, 3)
    text = session.run.config.read_text()
    assert "optimizer:\n  adam:" in text
    session.run.config.write_text(text.replace("optimizer:\n  adam:", "optimizer:\n  adamw:"))
    resume_run(session.run, workers=1).close()  # it keeps the same arrays
    sgd = dump_yaml(tiny(tmp_path, "optimizer=sgd"))
    session.run.config.write_text(sgd)
    with pytest.raises(CheckpointError, match="the optimizer's state is of another kind"):
        resume_run(session.run, workers=1)


def test_divergence_names_step_and_layer_and_keeps_the_last_good_weights(tmp_path):
    overrides = ("optimizer.adam.learning_rate=1e30", "network[1]=relu")
    session = start_run(tiny(tmp_path, *overrides), tmp_path / "runs", workers=2)
    with pytest.raises(DivergedError, match=r"step \d+ .* not finite, .*0\d_\w+"):
        train(session)
    record = session.run.record
    assert record["status"] == "diverged"
    assert "step" in record["error"]
    from cnnrun.runs.checkpoints import read_checkpoint

    last = read_checkpoint(session.run.checkpoint("last"))
    assert all(np.isfinite(array).all() for array in last.weights.values())


def test_names_are_never_used_twice(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda _: claim_run(tmp_path, "x", {"config.yaml": b""}), range(24)))
    assert sorted(run.name for run in runs) == [f"x-{n:04d}" for n in range(1, 25)]


def test_names_of_deleted_runs_are_not_used_again_before_the_last(tmp_path):
    first, second, _ = (claim_run(tmp_path, "x", {"a": b""}) for _ in range(3))
    for run in (first, second):
        shutil.rmtree(run.folder)
    assert claim_run(tmp_path, "x", {}).name == "x-0004"


def test_runs_are_found_by_directory_name_and_last(tmp_path):
    session = start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    start_run(replace(tiny(tmp_path), name="other"), tmp_path / "runs", workers=1)
    runs = tmp_path / "runs"
    assert [run.name for run in list_runs(runs)] == ["tiny-0001", "other-0001"]
    assert find_run("last", runs).name == "other-0001"
    assert find_run("tiny", runs) == find_run("tiny-0001", runs)
    start_run(tiny(tmp_path), tmp_path / "runs", workers=1)
    assert find_run("tiny", runs).name == "tiny-0002", "the newest of that name"
    assert find_run("other", runs).name == "other-0001"
    assert find_run(str(session.run.folder), tmp_path).folder == session.run.folder
    with pytest.raises(RunError, match="other-0001"):
        find_run("tinny", runs)
    with pytest.raises(RunError, match="no runs yet"):
        find_run("last", tmp_path / "none")
    (runs / "hollow").mkdir()
    with pytest.raises(RunError, match="not a run"):
        find_run("hollow", runs)


def test_a_damaged_record_is_said(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunError, match=r"run\.json"):
        print(Run(tmp_path).record)


@pytest.mark.parametrize(
    ("samples", "size", "sizes"),
    [(10, 4, [4, 4, 2]), (8, 4, [4, 4]), (9, 4, [4, 5]), (3, 4, [3]), (1, 4, [1])],
)
def test_a_last_batch_of_one_joins_the_batch_before(samples, size, sizes):
    parts = batch_slices(samples, size)
    assert [part.stop - part.start for part in parts] == sizes
    assert parts[0].start == 0
    assert parts[-1].stop == samples


def test_training_without_validation_and_of_an_autoencoder(tmp_path):
    session = start_run(
        tiny(
            tmp_path,
            "data.validation=0",
            "data.targets=inputs",
            "network=[{conv2d: {filters: 1, kernel_size: 3, padding: same}}]",
            "loss=mse",
            "train.epochs=2",
        ),
        tmp_path / "runs",
        workers=1,
    )
    train(session)
    lines = log_of(session.run.folder)
    assert lines[1]["train_loss"] < lines[0]["train_loss"]
    assert lines[0]["val_loss"] is lines[0]["train_accuracy"] is None

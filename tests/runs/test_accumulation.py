"""Gradients of several batches make one step, to the bit that of one batch of all their samples."""

from __future__ import annotations

import pytest
from experiments import log_of, tiny, weights_of

from cnnrun.engine import Executor
from cnnrun.errors import DivergedError
from cnnrun.runs import StopRequest, resume_run, start_run, train
from cnnrun.runs.batches import batch_slices, steps_of
from cnnrun.runs.events import StepFinished

PLAIN = "network[1]=relu"  # in the place of batch normalisation
LARGE = (PLAIN, "train.batch_size=15", "train.shard_size=5")
SMALL = (PLAIN, "train.batch_size=5", "train.shard_size=5", "train.accumulate=3")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A run whose batches are three times as large; 81 samples are 5 of them and 6 samples."""
    folder = tmp_path_factory.mktemp("large")
    return train(tiny(folder, *LARGE), folder / "runs", workers=1)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_bits_are_those_of_one_large_batch(large, tmp_path, workers):
    run = train(tiny(tmp_path, *SMALL), tmp_path / "runs", workers=workers)
    for which in ("last", "best"):
        assert weights_of(run.folder, which) == weights_of(large.folder, which)
    assert log_of(run.folder) == log_of(large.folder)  # with its steps, rates, norms, accuracies
    assert log_of(run.folder)[-1]["step"] == 4 * 6


@pytest.mark.parametrize("stops", [(1, 4, 6, 7), (5, 5 + 6, 20)])
def test_a_run_stopped_between_its_steps_goes_on_to_the_same_bits(large, tmp_path, stops):
    session = start_run(tiny(tmp_path, *SMALL), tmp_path / "runs", workers=1)
    for step in stops:
        stop = StopRequest()
        for event in session.events(stop):
            if isinstance(event, StepFinished) and event.step == step:
                stop.signal = 2
        assert session.status == "interrupted"
        session = resume_run(session.run, workers=2)
    list(session)
    assert weights_of(session.run.folder) == weights_of(large.folder)
    assert log_of(session.run.folder) == log_of(large.folder)


def test_shards_are_those_of_a_single_batch_by_default(tmp_path):
    options = (PLAIN, "train.batch_size=5", "train.accumulate=3", "train.shard_size=auto")
    run = train(tiny(tmp_path, *options), tmp_path / "runs", workers=1)
    large = (PLAIN, "train.batch_size=15", "train.shard_size=5")  # a batch of 5 is one shard
    other = train(tiny(tmp_path, *large), tmp_path / "other", workers=1)
    assert weights_of(run.folder) == weights_of(other.folder)


def test_one_batch_a_step_is_the_default(tmp_path):
    weights = [
        weights_of(train(tiny(tmp_path, *given), tmp_path / "runs", workers=1).folder)
        for given in ((), ("train.accumulate=1",))
    ]
    assert weights[0] == weights[1]


def test_running_means_of_batch_normalisation_move_with_each_batch(tmp_path):
    still = ("optimizer={sgd: {learning_rate: 1e-30}}", "train.epochs=1", "train.batch_size=5")
    runs = [
        train(tiny(tmp_path, *still, f"train.accumulate={count}"), tmp_path / "runs", workers=1)
        for count in (1, 3)
    ]
    one, other = (run.model("last").network.buffers for run in runs)
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize(
    ("samples", "size", "accumulate", "steps"),
    [
        (12, 2, 3, [[2, 2, 2], [2, 2, 2]]),
        (14, 2, 3, [[2, 2, 2], [2, 2, 2], [2]]),
        (11, 4, 2, [[4, 4], [3]]),
        (13, 4, 2, [[4, 4], [5]]),  # a single sample joins the batch before
        (9, 4, 2, [[4, 5]]),
        (3, 4, 2, [[3]]),
    ],
)
def test_the_last_step_of_an_epoch_takes_what_is_left(samples, size, accumulate, steps):
    made = steps_of(samples, size, accumulate)
    assert [[part.stop - part.start for part in step] for step in made] == steps
    parts = [part for step in made for part in step]
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == samples
    whole = batch_slices(samples, size * accumulate)
    assert [(step[0].start, step[-1].stop) for step in made] == [(b.start, b.stop) for b in whole]


def test_a_part_that_is_not_finite_is_no_step(tmp_path, monkeypatch):
    compute, seen = Executor.step, []

    def step(self, x, targets, **given):
        seen.append(given["is_first"])
        if len(seen) == 5:  # the second part of the second step
            x[...] = float("nan")
        return compute(self, x, targets, **given)

    monkeypatch.setattr(Executor, "step", step)
    session = start_run(tiny(tmp_path, *SMALL), tmp_path / "runs", workers=1)
    with pytest.raises(DivergedError, match=r"at step 2 .*in the input data"):
        list(session)

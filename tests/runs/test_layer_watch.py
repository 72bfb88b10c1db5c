"""`layers.jsonl`: what an update does to every layer, and that a resumed run writes the same."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from experiments import TINY

import cnnrun
from cnnrun.engine import Network
from cnnrun.engine.layers import Conv2D, Dense, Flatten, ReLU
from cnnrun.runs import StopRequest
from cnnrun.runs.events import LayersMeasured, StepFinished
from cnnrun.runs.layer_watch import LayerWatch
from cnnrun.runs.observers import LayerLog


def test_an_update_by_hand():
    network = Network([Dense.Config(2), ReLU.Config()], (2,))
    w, b = network.parameters["00_dense/w"], network.parameters["00_dense/b"]
    w[...], b[...] = [[3, 0], [0, 4]], [0, 12]
    watch = LayerWatch(network)
    watch.before({"00_dense/w": np.full((2, 2), 1.0), "00_dense/b": np.array([2.0, 1.0])})
    w -= 0.5  # four weights change by 0.5: the norm of the change is 1
    dense, relu = watch.after(np.array([[-1.0, 0.0], [-2.0, 0.0]], np.float32))
    assert dense.weight_norm == 13
    assert dense.gradient_norm == 3
    assert dense.update_to_weight == pytest.approx(1 / 13)
    assert (dense.dead, relu.weight_norm) == (None, None)
    assert relu.dead == 0.5  # the units give -2.5 and 12.5 for one sample, -5 and 13 for the other


def test_a_channel_is_a_unit():
    network = Network([Conv2D.Config(4, 1), ReLU.Config(), Flatten.Config()], (2, 2, 1))
    network.parameters["00_conv2d/w"][...] = [[[[1, -1, 1, -1]]]]
    network.parameters["00_conv2d/b"][...] = [0, 0, -9, -9]
    watch = LayerWatch(network)
    watch.before({name: np.zeros_like(a) for name, a in network.parameters.items()})
    _, relu = watch.after(np.array([0, 0, 0, 1, 0, -1, 0, 0], np.float32).reshape(2, 2, 2, 1))
    assert relu.dead == 0.5


def lines(run):
    return [json.loads(line) for line in (run.folder / "layers.jsonl").read_text().splitlines()]


@pytest.fixture
def tiny(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    return cnnrun.load_experiment(tmp_path / "tiny.yaml", ["train.epochs=3", "train.log_every=2"])


def test_every_epoch_and_every_so_many_steps(tiny, tmp_path):
    events = []
    run = cnnrun.train(tiny, tmp_path / "runs", workers=1, on_event=events.append)
    measured = [event for event in events if isinstance(event, LayersMeasured)]
    steps = [event.step for event in measured]
    an_epoch = run.metrics[0]["step"]
    assert steps == [s for s in range(1, 3 * an_epoch + 1) if s % 2 == 0 or s % an_epoch == 0]
    for before, after in pairwise(events):
        if isinstance(before, LayersMeasured):  # so that no checkpoint is ahead of its line
            assert isinstance(after, StepFinished)
            assert after.step == before.step
    assert [line["step"] for line in lines(run)] == steps
    assert [line["epoch"] for line in lines(run)] == [-(-step // an_epoch) for step in steps]
    assert all(row["update_to_weight"] > 0 for row in lines(run)[0]["layers"] if row["weight_norm"])


def test_a_resumed_run_has_the_same_lines(tiny, tmp_path):
    whole = cnnrun.train(tiny, tmp_path / "runs", workers=1)
    stop = StopRequest()

    def on_event(event):
        if isinstance(event, StepFinished) and event.step == 3:
            stop.signal = 2

    run = cnnrun.train(tiny, tmp_path / "runs", workers=1, on_event=on_event, stop=stop)
    with (run.folder / "layers.jsonl").open("a") as file:
        file.write('{"epoch": 1, "step": 4, "lay')  # the process was killed here
    cnnrun.resume(run, workers=1)
    assert lines(run) == lines(whole)


def test_what_lies_behind_the_checkpoint_is_cut(tmp_path):
    file = tmp_path / "layers.jsonl"
    log = LayerLog(file, 0)
    for step in (5, 10, 10, 15):
        log(LayersMeasured(step // 5, step, ()))
    assert [json.loads(line)["step"] for line in file.read_text().splitlines()] == [5, 10, 15]
    LayerLog(file, 12)(LayersMeasured(3, 15, ()))
    assert [json.loads(line)["step"] for line in file.read_text().splitlines()] == [5, 10, 15]
    LayerLog(file, 0)
    assert file.read_text() == ""

"""Each task is trained, kept in its checkpoint, and measured on the test split."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from tasks import TASKS, experiment_of

import cnnrun
from cnnrun import Run
from cnnrun.errors import CheckpointError, ConfigError, DataError
from cnnrun.runs.checkpoints import read_checkpoint, write_checkpoint


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of each task."""
    folder = tmp_path_factory.mktemp("tasks")
    return {
        task: cnnrun.train(experiment_of(folder, task), folder / "runs", workers=1)
        for task in TASKS
    }


TASK = {"colour": "image", "denoising": "image"}
SHAPES = {"regression": (2,), "multi_label": (2,), "colour": (6, 6, 3)}


@pytest.mark.parametrize("task", TASKS)
def test_a_trained_network_knows_its_task(runs, task):
    model = runs[task].model()
    assert model.task == TASK.get(task, task)
    outputs = model.predict(np.zeros((3, 6, 6, 1)))
    assert outputs.shape == (3, *SHAPES.get(task, (6, 6, 1)))
    record, lines = runs[task].record, runs[task].metrics
    for figures in (*lines, record["best"]):
        assert (figures["train_accuracy"] is None) == (task != "multi_label")
        assert (figures["val_accuracy"] is None) == (task != "multi_label")
    assert np.isfinite(record["test"]["loss"])
    if task != "multi_label":
        best = min(lines, key=lambda line: line["val_loss"])
        assert record["best"]["epoch"] == best["epoch"]


def test_a_run_of_each_task_is_resumed(runs):
    for run in runs.values():
        assert len(cnnrun.resume(run, epochs=3, workers=1).metrics) == 3


@pytest.mark.parametrize(("task", "is_now"), [("denoising", "image"), ("multi_label", None)])
def test_a_checkpoint_of_an_older_version_has_no_task(runs, tmp_path, task, is_now):
    copy = tmp_path / "old"
    shutil.copytree(runs[task].folder, copy)
    checkpoint = read_checkpoint(copy / "checkpoints" / "best")
    for key in ("task", "target_shape"):
        del checkpoint.state[key]
    write_checkpoint(copy / "checkpoints" / "best", checkpoint)
    model = Run(copy).model()
    assert model.task == (is_now or "classification")
    assert model.evaluate(workers=1).loss == runs[task].record["test"]["loss"]


def test_a_checkpoint_with_half_a_task_is_damaged(runs, tmp_path):
    copy = tmp_path / "damaged"
    shutil.copytree(runs["image"].folder, copy)
    checkpoint = read_checkpoint(copy / "checkpoints" / "best")
    for changes, says in (
        ({"target_shape": None}, "target_shape goes with the task image"),
        ({"task": "images"}, "task: .* got 'images'"),
        ({"target_shape": [6, 6]}, "target_shape: "),
    ):
        state = {**checkpoint.state, **changes}
        write_checkpoint(copy / "checkpoints" / "best", replace(checkpoint, state=state))
        with pytest.raises(CheckpointError, match=says):
            Run(copy).model()


@pytest.mark.parametrize(
    ("task", "changes", "says"),
    [
        ("regression", ["loss=softmax_cross_entropy"], "takes labels, but .* numbers the targets"),
        ("regression", ["network=[flatten, {dense: {units: 3}}]"], r"2 numbers an image \(row, co"),
        ("image", ["loss=softmax_cross_entropy"], "takes labels, but .* images the targets"),
        ("image", ["network=[flatten, {dense: {units: classes}}]"], "units: classes needs a data"),
        ("image", ["network=[flatten, {dense: {units: 36}}]"], r"images of shape \(6, 6, 1\), but"),
        ("denoising", ["loss=binary_cross_entropy"], "normalize standard moves the inputs"),
        ("multi_label", ["loss=softmax_cross_entropy"], "binary_cross_entropy is for those"),
    ],
)
def test_what_does_not_fit_a_task_is_refused(tmp_path, task, changes, says):
    with pytest.raises(ConfigError, match=says):
        experiment_of(tmp_path, task, *changes)


def test_numbers_that_are_no_probabilities_are_refused_before_there_is_a_run(tmp_path):
    experiment = experiment_of(tmp_path, "regression", "loss=binary_cross_entropy")
    with pytest.raises(DataError, match="row reaches from 0 to 4, but binary_cross_entropy takes"):
        cnnrun.train(experiment, tmp_path / "runs", workers=1)
    assert not (tmp_path / "runs").exists()
    fitting = ["loss=binary_cross_entropy", "data.dataset.toy_places.scale=0.2"]
    cnnrun.train(experiment_of(tmp_path, "regression", *fitting), tmp_path / "runs", workers=1)

"""Other tasks and unusual data: a healthy one passes, and what cannot be told is a note."""

from __future__ import annotations

import pytest
from experiments import tiny
from tasks import TASKS, experiment_of

from cnnrun.errors import UnresolvedError
from cnnrun.preflight import check, tune_rate

SET = "data.dataset={synthetic: {image_shape: [6, 6, 1], classes: %d, train_samples: %d}}"
SINGLE = ("train.batch_size=1", "network[1]=relu")


@pytest.mark.parametrize("task", TASKS)
def test_a_healthy_configuration_of_each_task_passes(task, tmp_path):
    result = check(experiment_of(tmp_path, task))
    assert result.passed, result.failed


@pytest.mark.parametrize(
    "changes",
    [
        ("loss={focal: {}}",),
        ("loss={softmax_cross_entropy: {class_weight: balanced}}",),
        ("data.sampling=balanced",),
        (SET % (3, 6), "data.validation=0"),
        (SET % (1, 60),),
        SINGLE,
    ],
    ids=["focal", "class_weight", "balanced", "six images", "one class", "batches of one"],
)
def test_unusual_data_pass(changes, tmp_path):
    result = check(tiny(tmp_path, *changes))
    assert result.passed, result.failed


@pytest.mark.parametrize("changes", [SINGLE, (SET % (1, 60),)], ids=["noise", "one class"])
def test_luck_suggests_no_rate(changes, tmp_path):
    with pytest.raises(UnresolvedError, match="at no rate"):
        tune_rate(tiny(tmp_path, *changes))

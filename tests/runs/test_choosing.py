"""The best epoch is chosen by any metric that the task has, each in its own direction."""

from __future__ import annotations

import json

import numpy as np
import pytest
from experiments import log_of, tiny
from tasks import TASKS, experiment_of

import cnnrun
from cnnrun.config import METRICS, metrics_of
from cnnrun.config.stored import EpochLine
from cnnrun.errors import ConfigError
from cnnrun.runs import start_run
from cnnrun.runs.choosing import goodness, rank
from cnnrun.runs.measures import ClassFigures, LabelFigures
from cnnrun.runs.measures.metrics import balanced_accuracy, macro_f1, per_class

EPOCH = {"val_loss": 0.5, "val_accuracy": 0.75, "train_loss": 0.25, "train_accuracy": 1.0}


@pytest.mark.parametrize(
    ("one", "other", "best", "better"),
    [
        ((0.9, 0.5), (0.8, 0.1), "auto", True),
        ((0.9, 0.1), (0.9, 0.5), "auto", True),  # a tie in accuracy goes to the lower loss
        ((0.9, 0.5), (0.9, 0.5), "auto", False),
        ((0.9, 0.5), (0.8, 0.1), "loss", False),
        ((None, 0.1), (None, 0.5), "accuracy", True),
        ((0.1, 0.5), (float("nan"), 0.5), "auto", True),
    ],
)
def test_which_epoch_is_better(one, other, best, better):
    epochs = [{"val_accuracy": accuracy, "val_loss": loss} for accuracy, loss in (one, other)]
    assert (rank(epochs[0], best) > rank(epochs[1], best)) is better


def test_the_best_epoch_may_be_that_of_the_highest_auc(tmp_path):
    epochs = [
        {"val_auc": auc, "val_accuracy": 1 - auc, "val_loss": loss}
        for auc, loss in ((0.8, 0.5), (0.7, 0.1), (0.8, 0.1))
    ]
    assert rank(epochs[0], "auc") > rank(epochs[1], "auc")
    assert rank(epochs[2], "auc") > rank(epochs[0], "auc")  # a tie goes to the lower loss
    experiment = tiny(tmp_path, "train.best=auc", "train.epochs=3")
    session = start_run(experiment, tmp_path / "runs", workers=1)
    list(session)
    log = log_of(session.run.folder)
    assert session.run.record["best"]["val_auc"] == max(line["val_auc"] for line in log)
    validated = session.run.model("best").evaluate("val")
    assert validated.auc == session.run.record["best"]["val_auc"]


def test_auc_without_a_validation_split_is_refused(tmp_path):
    experiment = tiny(tmp_path, "train.best=auc", "data.validation=0")
    with pytest.raises(ConfigError, match=r"train.best: auc .* set data.validation"):
        start_run(experiment, tmp_path / "runs", workers=1)


@pytest.mark.parametrize("name", METRICS)
def test_each_metric_has_its_direction(name):
    low, high = ({**EPOCH, f"val_{name}": value} for value in (0.1, 0.9))
    better = goodness(high, f"val_{name}") > goodness(low, f"val_{name}")
    assert better == (name not in ("loss", "mae", "mse", "rmse"))
    assert goodness(high, name) == goodness(high, f"val_{name}")


def test_an_epoch_without_the_metric_is_the_worst():
    assert goodness(EPOCH, "val_f1") == goodness({**EPOCH, "val_f1": None}, "val_f1") == -np.inf


def test_without_validation_the_figures_of_training_count():
    epoch = {**EPOCH, "val_loss": None, "val_accuracy": None}
    assert (goodness(epoch, "auto"), goodness(epoch, "loss")) == (1.0, -0.25)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("choosing")


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_of_a_task_is_in_its_log(home, task):
    experiment = experiment_of(home, task, "train.epochs=1")
    run = cnnrun.train(experiment, home / "runs", workers=1)
    (line,) = run.metrics
    kind = run.model().task
    assert {f"val_{name}" for name in metrics_of(kind)} <= set(line)
    others = {f"val_{name}" for name in METRICS if name not in metrics_of(kind)}
    assert not {key for key in others if line.get(key) is not None}
    validated = run.model("last").evaluate("val", workers=1)
    figures = {"loss": validated.loss, **validated.figures.metrics}
    assert {f"val_{name}": figures[name] for name in metrics_of(kind)}.items() <= line.items()
    assert set(validated.figures.metrics) < set(json.loads(json.dumps(validated.to_dict())))


@pytest.mark.parametrize(
    ("task", "best"),
    [("regression", "val_r2"), ("image", "val_psnr"), ("multi_label", "val_exact_match")],
)
def test_tasks_choose_by_metrics_of_their_own(home, task, best):
    experiment = experiment_of(home, task, f"train.best={best}", "train.epochs=3")
    run = cnnrun.train(experiment, home / "runs", workers=1)
    values = [line[best] for line in run.metrics]
    assert run.record["best"][best] == max(values)


@pytest.mark.parametrize("name", ["val_mse", "psnr", "exact_match"])
def test_a_metric_of_another_task_is_refused_with_those_there_are(tmp_path, name):
    with pytest.raises(ConfigError, match=r"tiny.yaml|override") as refused:
        tiny(tmp_path, f"train.best={name}")
    assert "not measured of the task classification; that has val_loss, val_acc" in str(refused)


def test_an_unknown_metric_is_refused_with_the_choices(tmp_path):
    with pytest.raises(ConfigError, match=r"one of auto, loss, .*did you mean val_auc"):
        tiny(tmp_path, "train.best=val_aux")


def test_metrics_of_validation_need_a_validation_split(tmp_path):
    for name in ("val_loss", "f1"):
        experiment = tiny(tmp_path, f"train.best={name}", "data.validation=0")
        with pytest.raises(ConfigError, match=f"{name} is measured on the validation split"):
            start_run(experiment, tmp_path / "runs", workers=1)


def test_a_damaged_figure_of_each_metric_is_noticed():
    assert {f"val_{name}" for name in METRICS} <= set(EpochLine.model_fields)


def test_hand_worked_balanced_accuracy_and_macro_f1():
    labels = np.array([0, 0, 0, 0, 1, 1])
    scores = np.eye(3)[[0, 0, 0, 1, 1, 0]]  # the third class is neither there nor predicted
    assert balanced_accuracy(scores, labels) == (3 / 4 + 1 / 2) / 2
    assert macro_f1(scores, labels) == pytest.approx((2 * 3 / (4 + 4) + 2 * 1 / (2 + 2)) / 2)
    figures = ClassFigures(scores, labels, ("a", "b", "c"))
    assert figures.f1 == pytest.approx(
        np.mean([entry.f1 for entry in figures.per_class if entry.f1 is not None])
    )


def test_f1_of_labels_is_the_mean_over_the_labels():
    rng = np.random.default_rng(0)
    scores, labels = rng.random((40, 3)), (rng.random((40, 3)) < 0.3).astype(float)
    each = [entry.f1 for entry in per_class(scores, labels, "abc")]
    assert macro_f1(scores, labels) == pytest.approx(np.mean(each))
    assert LabelFigures(scores, labels, ("a", "b", "c")).f1 == macro_f1(scores, labels)


def test_balanced_accuracy_is_said_of_classes_of_different_sizes():
    rng = np.random.default_rng(1)
    scores = rng.random((60, 2))
    even, uneven = np.repeat([0, 1], 30), np.repeat([0, 1], [50, 10])
    names = ("a", "b")
    assert "balanced" not in ClassFigures(scores, even, names).summary_with_intervals
    figures = ClassFigures(scores, uneven, names)
    low, high = figures.intervals.overall["balanced_accuracy"]
    assert low < figures.balanced_accuracy < high
    assert f"balanced accuracy {figures.balanced_accuracy:.2%} (" in figures.summary_with_intervals

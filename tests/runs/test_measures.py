"""Figures of each task against formulas written out; the files and pictures of an evaluation."""

from __future__ import annotations

import csv
import json
import math

import numpy as np
import pytest
from PIL import Image
from tasks import TASKS, experiment_of
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.data import Samples, Split, Statistics
from cnnrun.runs.measures import LabelFigures, NumberFigures, collector
from cnnrun.runs.measures.metrics import area_under_curve, roc_curve


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of each task."""
    folder = tmp_path_factory.mktemp("measures")
    for task in TASKS:
        cnnrun.train(experiment_of(folder, task, "train.epochs=1"), folder / "runs", workers=1)
    return folder


def evaluate(home, monkeypatch, task, *options):
    monkeypatch.chdir(home)
    result = CliRunner().invoke(app, ["evaluate", f"{task.replace('_', '-')}-0001", *options])
    assert result.exit_code == 0, result.output
    return result


def test_numbers_are_measured_one_by_one():
    true = np.array([[1.0, 5], [2, 5], [4, 5], [5, 5]])
    said = np.array([[1.5, 5], [2, 6], [3, 5], [5, 5]])
    figures = NumberFigures(said, true, ("a", "b"))
    a, b = figures.per_target
    assert (a.mae, b.mae) == (1.5 / 4, 1 / 4)
    assert a.rmse == pytest.approx(math.sqrt(1.25 / 4))
    assert a.r2 == pytest.approx(1 - 1.25 / 10)
    assert b.r2 is None
    assert figures.mean.mae == pytest.approx((1.5 / 4 + 1 / 4) / 2)
    assert figures.mean.r2 == a.r2
    document = figures.to_dict()
    assert [row["target"] for row in document["per_target"]] == ["a", "b"]
    assert document["r2"] == a.r2
    assert NumberFigures(said[:, 1:], true[:, 1:], ("b",)).to_dict()["r2"] is None


@pytest.mark.parametrize(
    ("error", "shown"), [(0.654, "0.6540"), (24.5, "24.50"), (12345, "12,345"), (2e-6, "2.000e-06")]
)
def test_errors_are_shown_with_four_digits(error, shown):
    labels = np.arange(5.0)[:, None]
    figures = NumberFigures(labels + error, labels, ("age",))
    assert figures.summary.startswith(f"MAE {shown}, RMSE {shown}, R2 ")
    assert figures.table.rows[0][1].split(" ")[0] == shown


def test_labels_are_right_one_by_one_and_together():
    labels = np.array([[1, 0], [1, 1], [0, 0], [0, 1.0]])
    scores = np.array([[0.9, 0.2], [0.8, 0.4], [0.1, 0.3], [0.6, 0.7]])
    figures = LabelFigures(scores, labels, ("a", "b"))
    assert figures.accuracy == 6 / 8
    assert figures.exact_match == 2 / 4
    assert figures.auc == 1.0
    assert list(figures.rows())[1][:2] == ["a|b", "a"]


def test_the_area_under_the_roc_curve_is_the_one_from_ranks():
    random = np.random.default_rng(0)
    scores = random.integers(0, 8, 60) / 8  # many are equal
    positive = random.random(60) < scores
    false, right = roc_curve(scores, positive)
    assert (false[0], right[0], false[-1], right[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(right, false) == pytest.approx(area_under_curve(scores, positive))


@pytest.mark.parametrize("own", [True, False])
def test_images_are_measured_in_pixels(own):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (5, 4, 3, 1), np.uint8)
    split = Split(images, np.zeros(5, int) if own else 255 - images)
    statistics = Statistics((0.4,), (0.2,))
    samples = Samples(split, statistics, task="image", inputs_are_targets=own)
    measured, outputs = collector(samples, ()), random.normal(0.5, 0.4, (5, 4, 3, 1))
    for part in (slice(0, 2), slice(2, 5)):
        x, targets = samples.batch(np.arange(5)[part], dtype=np.float64)
        y = outputs[part].copy()
        if own:
            statistics.normalize(y)
        measured.add(x, targets, y)
    figures = measured.figures()
    target = images / 255 if own else 1 - images / 255
    errors = np.clip(outputs, 0, 1) - target
    np.testing.assert_allclose(figures.mae, np.abs(errors).mean(axis=(1, 2, 3)))
    squares = (errors**2).mean(axis=(1, 2, 3))
    ratios = 20 * np.log10(1 / np.sqrt(squares))
    assert figures.psnr == pytest.approx(ratios.mean())
    assert [image.index for image in figures.worst] == ratios.argsort().tolist()
    worst = figures.worst[0]
    np.testing.assert_allclose(worst.target, target[worst.index], atol=1e-7)
    np.testing.assert_allclose(worst.input, images[worst.index] / 255, atol=1e-7)
    assert (figures.input_psnr is None) == own
    if not own:
        began = ((images / 255 - target) ** 2).mean(axis=(1, 2, 3))
        assert figures.input_psnr == pytest.approx((-10 * np.log10(began)).mean())


def test_an_image_without_error_is_no_fault():
    images = np.zeros((2, 3, 3, 1), np.uint8)
    samples = Samples(Split(images, images), Statistics((0.0,), (1.0,)), task="image")
    measured = collector(samples, ())
    measured.add(*samples.batch(np.arange(2)), samples.batch(np.arange(2))[1])
    figures = measured.figures()
    assert figures.psnr == math.inf
    assert [row[1] for row in figures.table.rows] == [0.0, math.inf]


PICTURES = {"regression": ["numbers"], "multi_label": ["labels"]}
KEYS = {
    "regression": {"mae", "rmse", "r2", "per_target"},
    "multi_label": {"auc", "exact_match"},
}
HEADINGS = {
    "regression": ["true_row", "predicted_row", "true_column", "predicted_column"],
    "multi_label": ["true", "predicted", "p_upper", "p_left"],
}
SHOWN = {"regression": "R2", "multi_label": "mean AUC"}


@pytest.mark.parametrize("task", TASKS)
def test_evaluate_writes_what_fits_the_task(home, monkeypatch, task):
    shown = evaluate(home, monkeypatch, task)
    folder = home / "runs" / f"{task.replace('_', '-')}-0001"
    assert SHOWN.get(task, "PSNR") in shown.stdout
    (picture,) = PICTURES.get(task, ["worst_images"])
    with Image.open(folder / "plots" / f"{picture}.png") as image:
        assert np.asarray(image).std() > 1
    rows = list(csv.DictReader((folder / "predictions.csv").read_text("utf-8").splitlines()))
    assert len(rows) == 20
    assert list(rows[0]) == ["index", "file", *HEADINGS.get(task, ["mae", "psnr"])]
    assert rows[2]["file"] == "42.png"
    document = json.loads(evaluate(home, monkeypatch, task, "--json").stdout)
    images = {"mae", "psnr", "input_psnr", "worst"}
    assert KEYS.get(task, images) <= document.keys()
    assert {"accuracy", "per_class", "confusion_matrix", "loss"} <= document.keys()
    evaluation = cnnrun.load_run(str(folder)).model().evaluate()
    assert len(repr(evaluation)) < 200
    assert evaluation.figures.table.rows[0][0] in evaluation._repr_html_()


def test_denoising_is_measured_against_what_it_began_with(home):
    figures = cnnrun.load_run("denoising-0001", home / "runs").model().evaluate().figures
    noise = 10 * math.log10(1 / 0.2**2)
    assert noise < figures.input_psnr < noise + 3  # dark pixels lose half of it, when it is clipped


def test_other_data_have_to_be_of_the_same_kind(home, tmp_path):
    images = np.zeros((6, 6, 6), np.uint8)
    np.savez(tmp_path / "d.npz", images=images, labels=np.arange(6) % 2)
    for task, says in (
        ("regression", r"labels have 1 columns, class_names has 2 names"),
        ("image", "labels are images"),
    ):
        model = cnnrun.load_run(f"{task}-0001", home / "runs").model()
        with pytest.raises(cnnrun.errors.DataError, match=says):
            model.evaluate(data=tmp_path / "d.npz")
    model = cnnrun.load_run("denoising-0001", home / "runs").model()
    assert model.evaluate(data=tmp_path / "d.npz").figures.input_psnr is not None

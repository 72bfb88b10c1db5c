"""MedMNIST's figures and result files, held against its own evaluator where that is installed."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from cnnrun.cli.app import app
from cnnrun.config import load_experiment
from cnnrun.data import DATASETS
from cnnrun.runs import start_run
from cnnrun.runs.measures.metrics import mean_area_under_curve
from cnnrun.runs.medmnist import medmnist_figures, write_result_file

ROOT = Path(__file__).parents[2]
BREAST = ROOT.parent / "shared" / "data" / "breastmnist.npz"
needs_breast = pytest.mark.skipif(not BREAST.is_file(), reason="needs shared/data/breastmnist.npz")
RNG = np.random.default_rng(0)


def measured(flag, scores, labels, tmp_path, *, split="test", checkpoint="best", **options):
    """Return a model of a set and an evaluation of it, with those scores."""
    source = DATASETS.get(flag)(**options)
    data = SimpleNamespace(dataset=source)
    run = SimpleNamespace(folder=tmp_path, name="run-1.5-0001")
    model = SimpleNamespace(experiment=SimpleNamespace(data=data), run=run, checkpoint=checkpoint)
    auc = mean_area_under_curve(scores, labels)
    found = SimpleNamespace(scores=scores, labels=labels, auc=auc, data=None, split=split)
    return model, found


def made_up(flag, samples=60):
    """Return scores and labels of a set's shape, neither all right nor all wrong."""
    known = DATASETS.get(flag).known
    classes = len(known.classes)
    if known.multi_label:
        labels = (RNG.random((samples, classes)) < 0.4).astype(np.float32)
        scores = (0.6 * RNG.random((samples, classes)) + 0.3 * labels).astype(np.float32)
    else:
        labels = np.arange(samples) % classes
        scores = RNG.random((samples, classes), np.float32)
        scores[np.arange(samples), labels] += 0.3
        scores /= scores.sum(axis=1, keepdims=True)
    return scores, labels


def test_hand_worked_figures(tmp_path):
    scores = np.array([[0.4, 0.6], [0.5, 0.5], [0.3, 0.7]], np.float32)
    model, evaluation = measured("breastmnist", scores, np.array([0, 1, 1]), tmp_path)
    figures = medmnist_figures(model, evaluation)
    assert figures.accuracy == pytest.approx(1 / 3)  # 0.5 is not above the threshold
    assert figures.auc == 0.5
    assert figures.published.auc == 0.901
    assert figures.to_dict()["published"]["accuracy"] == 0.863
    assert "Yang et al." in figures.published.source


def test_only_what_is_comparable_has_published_figures_beside_it(tmp_path):
    scores, labels = made_up("retinamnist")
    for options in ({"split": "val"}, {"size": 64}):
        model, evaluation = measured("retinamnist", scores, labels, tmp_path, **options)
        assert medmnist_figures(model, evaluation).published is None
    model, evaluation = measured("organamnist", *made_up("organamnist"), tmp_path)
    assert medmnist_figures(model, evaluation).published is None
    evaluation.data = Path("other.npz")
    assert medmnist_figures(model, evaluation) is None
    assert write_result_file(model, evaluation) == []


def test_a_result_file_is_named_and_laid_out_as_theirs(tmp_path):
    scores, labels = made_up("pathmnist")
    for checkpoint in ("best", "last"):
        model, evaluation = measured(
            "pathmnist", scores, labels, tmp_path, checkpoint=checkpoint, split="val", size=64
        )
        (path,) = write_result_file(model, evaluation)
    figures = medmnist_figures(model, evaluation)
    measures = f"[AUC]{figures.auc:.3f}_[ACC]{figures.accuracy:.3f}"
    assert path.name == f"pathmnist_64_val_{measures}@run-1_5-0001-last.csv"
    rows = list(csv.reader(path.read_text("utf-8").splitlines()))
    assert [int(row[0]) for row in rows] == list(range(60))
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], np.float32), scores)
    evaluation.scores = scores[:, ::-1]
    (newer,) = write_result_file(model, evaluation)
    assert newer != path
    assert not path.exists()  # it was of the same split and checkpoint
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("flag", ["breastmnist", "pathmnist", "retinamnist", "chestmnist"])
def test_their_evaluator_reads_the_file_and_says_the_same(flag, tmp_path):
    theirs = pytest.importorskip("medmnist.evaluator", exc_type=ImportError)

    class Evaluator(theirs.Evaluator):
        def __init__(self, flag, split, size=None):
            super().__init__(flag, split, size, root=tmp_path)

    scores, labels = made_up(flag)
    columns = labels if labels.ndim == 2 else labels[:, None]
    np.savez(tmp_path / f"{flag}.npz", test_labels=columns.astype(np.uint8))
    model, evaluation = measured(flag, scores, labels, tmp_path)
    (path,) = write_result_file(model, evaluation)
    said = Evaluator.parse_and_evaluate(str(path))
    figures = medmnist_figures(model, evaluation)
    assert figures.auc == pytest.approx(said.AUC, abs=1e-12)
    assert figures.accuracy == pytest.approx(said.ACC, abs=1e-12)
    assert [*tmp_path.glob("*.csv")] == [path]  # they wrote theirs under the same name


@needs_breast
def test_a_run_of_breastmnist_is_measured_as_theirs(tmp_path):
    experiment = load_experiment(
        ROOT / "configs" / "breastmnist.yaml",
        [f"data.dataset.breastmnist.path={BREAST.parent}", "train.epochs=1",
         "network=[flatten, dense: {units: classes}]"],
    )  # fmt: skip
    assert experiment.train.best == "auc"
    with start_run(experiment, tmp_path / "runs", workers=1) as session:
        list(session.events())
    model = session.run.model("best")
    evaluation = model.evaluate("test")
    assert "MedMNIST images, repacked" in evaluation.to_dict()["notes"][0]
    figures = medmnist_figures(model, evaluation)
    assert figures.auc == evaluation.to_dict()["auc"]
    (path,) = write_result_file(model, evaluation)
    assert path.name.startswith("breastmnist_test_[AUC]0.")
    assert path.name.endswith(f"@{session.run.name}.csv")
    words = ["evaluate", session.run.name, "--runs-dir", str(tmp_path / "runs")]
    shown = CliRunner().invoke(app, words).output
    assert "ResNet-18 at 28x28 (Yang et al., Scientific Data 2023)   0.9010     0.8630" in shown
    assert "MedMNIST images, repacked" in shown
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert document["auc"] == document["medmnist"]["auc"] == figures.auc
    assert document["medmnist"]["published"]["auc"] == 0.901
    assert "MedMNIST images, repacked" in document["notes"][0]

"""Each task is inspected, checked, timed and differentiated on targets that fit it."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image
from tasks import SETS, TASKS, experiment_of, write_config
from typer.testing import CliRunner

import cnnrun
from cnnrun.bench.training_step import TrainingStep, draw
from cnnrun.cli.app import app
from cnnrun.engine import Context
from cnnrun.errors import ConfigError

IMAGES = ("image", "colour", "denoising")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of each task, and an image."""
    folder = tmp_path_factory.mktemp("inspected")
    for task in TASKS:
        experiment = experiment_of(folder, task, "train.epochs=1")
        cnnrun.train(experiment, folder / "runs", workers=1)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6), np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    return folder


@pytest.fixture(autouse=True)
def _stand_in_it(home, monkeypatch):
    monkeypatch.chdir(home)


def name_of(task):
    return f"{task.replace('_', '-')}-0001"


@pytest.mark.parametrize("task", TASKS)
def test_an_inspection_says_what_fits_the_task(tmp_path, task):
    options = ["--index", "0-2", "--steps", "4", "--output", str(tmp_path / "i"), "--no-png"]
    result = CliRunner().invoke(app, ["inspect", name_of(task), *options])
    assert result.exit_code == 0, result.output
    report = json.loads((tmp_path / "i" / "report.json").read_text())
    page = (tmp_path / "i" / "index.html").read_text()
    model = cnnrun.load_run(name_of(task)).model()
    assert report["task"] == model.task
    card = page[page.index('<figure class="sample">') : page.index("</figure>")]
    sample = report["samples"][0]
    assert sample["probability"] is None
    if task in IMAGES:
        assert sample["true"] is sample["predicted"] is None
        assert re.findall(r'alt="test 0: (\w+)"', card) == ["input", "target", "output"]
        return
    assert len(re.findall("<img", card)) == 1
    split = model.experiment.data.dataset.load(model.experiment.base).test
    output, target = model.predict(split.images[:1])[0], split.labels[0]
    if task == "regression":
        assert sample["true"] == f"row {target[0]:.4g}, column {target[1]:.4g}"
        numbers = [
            float(n) for n in re.findall(r"(?:row|column) (\S+?)(?:,|$)", sample["predicted"])
        ]
        assert numbers == pytest.approx(output, rel=1e-3)
        assert "wrong" not in card
        assert "right" not in card
    else:
        said = [name for name, p in zip(model.info.class_names, output, strict=True) if p > 0.5]
        assert sample["predicted"] == (", ".join(said) or "no label")
    assert f"test 0: predicted {sample['predicted']}, true {sample['true']}" in " ".join(
        result.stdout.split()
    )
    assert f"predicted {sample['predicted']}<" in card


def inspect_file(task, **options):
    return cnnrun.inspect(name_of(task), images=["a.png"], pictures=False, steps=2, **options)


def test_an_image_file_has_no_numbers_to_be_held_against():
    with pytest.raises(ConfigError, match="--class row or column"):
        inspect_file("regression")
    document = inspect_file("regression", class_name="column").document
    assert document["objective"] == "number"
    value = cnnrun.load_run(name_of("regression")).model().predict("a.png")[0, 1]
    assert document["samples"][0]["objective"] == pytest.approx(value, rel=1e-5)
    with pytest.raises(ConfigError, match="no class scores to differentiate; --index takes"):
        inspect_file("image")
    assert inspect_file("multi_label").document["objective"] == "class score"


def test_an_image_file_is_what_an_autoencoder_has_to_make_of_it():
    document = inspect_file("denoising").document
    model = cnnrun.load_run(name_of("denoising")).model()
    x = model.prepare("a.png")
    loss, _ = model.experiment.loss(model.network.forward(x, Context()), x, 1)
    assert document["objective"] == "loss"
    assert document["samples"][0]["objective"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("task", TASKS)
def test_gradients_of_a_task_are_checked(home, task):
    options = ["--samples", "1", "--budget", "400", "--plugin", str(SETS), "--json"]
    result = CliRunner().invoke(app, ["gradcheck", str(write_config(home, task)), *options])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["verdict"] == "pass"


@pytest.mark.parametrize("task", TASKS)
def test_gradients_are_those_of_the_samples_own_targets(task):
    model = cnnrun.load_run(name_of(task)).model()
    split = model.experiment.data.dataset.load(model.experiment.base).test
    labels = None if task == "denoising" else split.labels[:2]
    if task in ("image", "colour"):
        labels = labels / 255
    gradients = model.gradients(split.images[:2], labels)
    x, network = model.prepare(split.images[:2]), model.network
    targets = x if labels is None else labels.astype(np.float32)
    _, dy = model.experiment.loss(network.forward(x, Context()), targets, 2)
    bias = [name for name in network.parameters if name.endswith("/b")][-1]
    total = dy.sum(axis=tuple(range(dy.ndim - 1)))
    np.testing.assert_allclose(gradients[bias], total, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_a_step_is_timed_on_targets_that_fit(home, task):
    experiment = experiment_of(home, task)
    info = experiment.data.dataset.info(experiment.base)
    samples = draw(experiment, info, 3)
    assert samples.targets.min() >= 0
    assert samples.targets.max() <= 1
    if task == "multi_label":
        assert set(np.unique(samples.targets)) <= {0.0, 1.0}
    with TrainingStep(experiment, info, 1) as training:
        assert np.isfinite(training.forward_backward(samples).loss)

"""`cnnrun evaluate --data`: files of one name, and data sets with options."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from experiments import TINY
from PIL import Image
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.data.sources import Npz
from cnnrun.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of colour images."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.yaml").write_text(TINY.replace("6, 6, 1", "6, 6, 3").replace("hs: 4", "hs: 1"))
    return cnnrun.train(folder / "tiny.yaml", runs_dir=folder / "runs")


@pytest.fixture
def home(trained, tmp_path, monkeypatch):
    """The working directory, with data of one name in two folders; no evaluation is left over."""
    monkeypatch.chdir(tmp_path)
    for name, count in (("a", 15), ("b", 30)):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "x.npz", count)
    yield tmp_path
    for file in (*trained.folder.glob("predictions*"), *trained.folder.glob("evaluations.json")):
        file.unlink()


def write(file, count, *, scale=1, axes=(0, 1, 2, 3)):
    images = np.random.default_rng(0).integers(0, 256, (count, 6, 6, 3)) * scale
    np.savez(file, images=images.transpose(axes), labels=np.arange(count) % 3)


def evaluate(run, *options):
    return CliRunner().invoke(app, ["evaluate", str(run.folder), *map(str, options)])


def tables(run):
    return {
        file.name: len(list(csv.DictReader(file.read_text("utf-8").splitlines())))
        for file in run.folder.glob("predictions*")
    }


def test_data_of_one_name_have_files_of_their_own(trained, home):
    for path in ("a/x.npz", "b/x.npz", "a/x.npz", "b/x.npz"):
        assert evaluate(trained, "--data", path).exit_code == 0
    counts = tables(trained)
    assert counts.pop("predictions-x.npz-best.csv") == 15
    ((name, count),) = counts.items()
    assert count == 30
    assert name.startswith("predictions-x.npz-best-")
    plots = [file.name for file in trained.plots.glob("confusion_matrix-x.npz-best*.png")]
    assert len(plots) == 2


def test_notes_that_are_damaged_are_said(trained, home):
    (trained.folder / "evaluations.json").write_text("[1")
    result = evaluate(trained, "--data", "a/x.npz")
    assert result.exit_code == 2
    assert "evaluations.json: damaged; remove it" in result.stderr


def test_a_data_set_takes_its_options(trained, home):
    model = trained.model()
    plain = model.evaluate(data="a/x.npz")
    write(home / "first.npz", 15, axes=(0, 3, 1, 2))
    assert "channels first" in evaluate(trained, "--data", "first.npz").stderr
    result = evaluate(trained, "--data", "{npz: {path: first.npz, axes: NCHW}}", "--json")
    figures = json.loads(result.stdout)
    assert figures["loss"] == pytest.approx(plain.loss, rel=1e-6)
    assert (figures["data"], figures["split"], figures["samples"]) == ("first.npz", None, 15)
    write(home / "deep.npz", 15, scale=16)
    deep = model.evaluate(data="{npz: {path: deep.npz, maximum: 4080}}")
    assert deep.loss == pytest.approx(plain.loss, rel=1e-5)
    assert model.evaluate(data=Npz("deep.npz", maximum=4080)).loss == deep.loss


def test_other_arrays_are_read_as_those_of_the_training_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = np.random.default_rng(0).integers(0, 4000, (30, 3, 6, 6), np.uint16)
    labels = np.arange(30) % 3
    np.savez("own.npz", images=images, labels=labels + 1)
    source = "npz: {path: own.npz, maximum: 4095, axes: NCHW, first_label: 1}"
    head, tail = TINY.split("  dataset:")
    Path("x.yaml").write_text(f"{head}  dataset: {{{source}}}\n{tail[tail.index('  augment') :]}")
    model = cnnrun.train("x.yaml").model()
    told = model.evaluate(data=f"{{{source}}}")
    assert model.evaluate(data="own.npz").loss == told.loss
    np.savez("bytes.npz", images=(images / 4095 * 255).round().astype(np.uint8), labels=labels + 1)
    assert model.evaluate(data="bytes.npz").loss == pytest.approx(told.loss, rel=1e-2)


def test_what_reads_a_file_is_seen_by_its_content(trained, home):
    with np.load("a/x.npz") as file:
        images, labels = file["images"].astype(np.uint8), file["labels"]
    for number, image in enumerate(images):
        Image.fromarray(image).save(f"{number}.png")
    lines = [f"{number}.png,{label}" for number, label in enumerate(labels)]
    (home / "list.csv").write_text("\n".join(["file,kind", *lines]))
    model = trained.model()
    assert model.evaluate(data="list.csv").loss == model.evaluate(data="a/x.npz").loss


def test_the_name_of_a_data_set(trained, home):
    data = "{synthetic: {image_shape: [6, 6, 3], classes: 3, train_samples: 9, test_samples: 6}}"
    assert evaluate(trained, "--data", data).exit_code == 0
    assert tables(trained) == {"predictions-synthetic-test-best.csv": 6}
    with pytest.raises(DataError, match=r"digits: images of shape \(8, 8, 1\)"):
        trained.model().evaluate(data="digits")


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("{npz: {path: a/x.npz, axes: NCWH}}", r"--data:1:29: npz.axes: 'NCWH' is not .*NCHW"),
        ("{npz: {path: a/x.npz, axess: NCHW}}", r"--data:1:23: npz.axess: .*did you mean axes"),
        ("{npz: {axes: NCHW}}", "--data:1:2: npz: path must be given"),
        ("{npy: {path: a/x.npz}}", "no dataset is called 'npy'; did you mean npz"),
        ("{npz: {path: gone.npz}}", "gone.npz: no such file"),
        ("{npz: {path: a/x.npz, class_names: [c, b, a]}}", "the classes are c, b, a; those of"),
        ("{npz: {path: a/x.npz}", "--data:1:22: a comma is missing"),
        ("gone.npz", "gone.npz: no such file"),
    ],
)
def test_a_mistake_is_told_as_in_a_configuration(trained, home, data, says):
    with pytest.raises((ConfigError, DataError), match=says):
        trained.model().evaluate(data=data)

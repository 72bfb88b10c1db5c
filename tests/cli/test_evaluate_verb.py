"""`cnnrun evaluate` on image files: their names, and data that have changed since training."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from experiments import TINY
from PIL import Image
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app


def save_images(folder, *, count=10, seed=0):
    random = np.random.default_rng(seed)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = random.integers(0, 256, (6, 6), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The working directory, with a folder of images and a run that was trained on it."""
    monkeypatch.chdir(tmp_path)
    save_images(tmp_path / "pictures")
    head, tail = TINY.split("  dataset:")
    dataset = "  dataset: {image_folder: {path: pictures}}\n"
    rest = tail[tail.index("\n") + 1 :].replace("epochs: 4", "epochs: 1")
    rest = rest.replace("warmup_epochs: 1", "warmup_epochs: 0")
    (tmp_path / "pets.yaml").write_text(head + dataset + rest)
    cnnrun.train("pets.yaml")
    return tmp_path


def evaluate(*options):
    result = CliRunner().invoke(app, ["evaluate", "last", *map(str, options)])
    assert result.exit_code == 0, result.output
    return result


def rows_of(home, suffix=""):
    (table,) = home.glob(f"runs/*/predictions{suffix}.csv")
    return list(csv.DictReader(table.read_text("utf-8").splitlines()))


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_predictions_name_the_image_files(home, split):
    samples = cnnrun.load_run("last").model().evaluate(split).samples
    evaluate("--split", split)
    rows = rows_of(home, "" if split == "test" else f"-{split}-best")
    assert len(rows) == samples
    for row in rows:
        assert (home / "pictures" / row["file"]).is_file()
        assert row["file"].startswith(row["true"] + "/")
    assert len({row["file"] for row in rows}) == samples


def test_predictions_of_another_folder_name_its_files(home):
    save_images(home / "more", count=3)
    evaluate("--data", home / "more")
    rows = rows_of(home, "-more-folder-best")
    assert sorted(row["file"] for row in rows) == [
        f"{name}/{number}.png" for name in ("cat", "dog") for number in range(3)
    ]


def test_a_data_set_that_has_changed_since_training_is_said(home):
    result = evaluate()
    assert "changed" not in result.output
    save_images(home / "pictures", seed=1)
    result = evaluate()
    assert "warning: the data set has changed since" in result.stderr
    assert "changed" not in evaluate("--data", home / "pictures").stderr
    assert '"data_changed": true' in evaluate("--json").stdout
    assert cnnrun.load_run("last").model().evaluate().data_changed

"""`cnnrun predict` on files and folders, for each task."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest
from PIL import Image
from tasks import TASKS, experiment_of
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a run of each task, and folders of images."""
    folder = tmp_path_factory.mktemp("predict")
    for task in TASKS:
        cnnrun.train(experiment_of(folder, task, "train.epochs=1"), folder / "runs", workers=1)
    random = np.random.default_rng(0)
    for name in ("b/10.png", "b/9.png", "a.png", "c/d/1.PNG", "b/x.jpg"):
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (6, 6), np.uint8)).save(path)
    (folder / "images" / "b" / "notes.txt").write_text("no image")
    (folder / "images" / "b" / ".9.png").write_text("hidden")
    return folder


ORDER = ["images/a.png", "images/b/9.png", "images/b/10.png", "images/b/x.jpg", "images/c/d/1.PNG"]


@pytest.fixture(autouse=True)
def _stand_in_it(home, monkeypatch):
    monkeypatch.chdir(home)


def predict(task, *options, code=0):
    name = f"{task.replace('_', '-')}-0001"
    result = CliRunner().invoke(app, ["predict", name, *map(str, options)])
    assert result.exit_code == code, result.output
    return result


def outputs_of(task, *options):
    return ("--output", options[0]) if task in ("image", "colour", "denoising") else ()


@pytest.mark.parametrize("task", TASKS)
def test_a_folder_is_predicted_in_natural_order(home, tmp_path, task):
    options = ["images", *outputs_of(task, tmp_path / "made")]
    predictions = json.loads(predict(task, *options, "--json").stdout)["predictions"]
    assert [prediction["image"] for prediction in predictions] == ORDER
    model = cnnrun.load_run(f"{task.replace('_', '-')}-0001").model()
    expected = model.predict(ORDER)
    for prediction, output in zip(predictions, expected, strict=True):
        if task in ("regression", "multi_label"):
            names = model.info.class_names
            values = prediction["values" if task == "regression" else "probabilities"]
            assert values == pytest.approx(dict(zip(names, output, strict=True)), rel=1e-5)
            if task == "multi_label":
                said = [name for name in names if values[name] > 0.5]
                assert prediction["labels"] == said
        else:
            with Image.open(prediction["output"]) as image:
                seen = np.asarray(image, np.float64).reshape(output.shape) / 255
            np.testing.assert_allclose(seen, np.clip(output, 0, 1), atol=0.503 / 255)
    made = sorted(path.relative_to(tmp_path / "made") for path in tmp_path.rglob("*.png"))
    assert [str(path) for path in made] == (
        ["a.png", "b/10.png", "b/9.png", "b/x.png", "c/d/1.png"] if outputs_of(task, "") else []
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_table_is_shown_or_written(tmp_path, task):
    options = ["images/a.png", "images/b/9.png", *outputs_of(task, tmp_path / "made")]
    shown = predict(task, *options).stdout
    assert "images/b/9.png" in shown
    wanted = {"regression": "column", "multi_label": "%"}
    assert wanted.get(task, str(tmp_path / "made" / "9.png")) in shown
    table = tmp_path / "answers.csv"
    result = predict(task, *options, "--csv", table)
    assert result.stdout == ""
    assert f"wrote {table}" in result.stderr
    rows = list(csv.reader(table.read_text().splitlines()))
    headings = {"regression": ["row", "column"], "multi_label": ["label", "p_upper", "p_left"]}
    assert rows[0] == ["image", *headings.get(task, ["output"])]
    assert [row[0] for row in rows[1:]] == ["images/a.png", "images/b/9.png"]


def test_broken_files_do_not_hide_the_others(tmp_path, monkeypatch):
    broken, small = tmp_path / "broken.png", tmp_path / "small.png"
    broken.write_bytes(b"no image")
    Image.new("L", (3, 3)).save(small)
    files = [broken, "images/a.png", small, "images/b/9.png"]
    result = predict("regression", *files, "--json", code=2)
    done = json.loads(result.stdout)["predictions"]
    assert [prediction["image"] for prediction in done] == ["images/a.png", "images/b/9.png"]
    assert "2 of 4 images cannot be used" in result.stderr
    assert f"{broken}: not an image" in result.stderr
    assert f"{small}: the image has 3x3 pixels" in result.stderr
    alone = predict("regression", broken, code=2)
    assert (alone.stdout, alone.stderr.count("\n")) == ("", 1)


def test_batches_are_small_and_the_same(monkeypatch):
    from cnnrun.runs import file_predictions

    whole = predict("regression", "images", "--json").stdout
    monkeypatch.setattr(file_predictions, "BATCH", 2)
    sizes = []
    run = file_predictions.predict
    monkeypatch.setattr(file_predictions, "predict", lambda e, x: sizes.append(len(x)) or run(e, x))
    parts = json.loads(predict("regression", "images", "--json").stdout)["predictions"]
    assert sizes == [2, 2, 1]
    for one, other in zip(json.loads(whole)["predictions"], parts, strict=True):
        assert one["values"] == pytest.approx(other["values"], rel=1e-5)


@pytest.mark.parametrize(
    ("task", "options", "says"),
    [
        ("image", ["images"], "--output.*is needed"),
        ("regression", ["images", "--output", "made"], "goes with networks that make images"),
        ("image", ["images", "--output", "images"], "would be replaced"),
        ("image", ["images/a.png", "images/a.png", "--output", "o"], "would both be written to"),
        ("regression", ["runs/regression-0001/checkpoints"], "no images in this folder"),
        ("regression", ["none.png"], "none.png: no such file"),
        ("regression", ["images", "--csv", "none/a.csv"], "none/a.csv: cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said(task, options, says):
    import re

    result = predict(task, *options, code=2)
    assert re.search(says, " ".join(result.stderr.split()))


def test_a_terminal_gets_a_bar(monkeypatch, capsys):
    from cnnrun.cli.progress import with_bar

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert list(with_bar(iter("abc"), 3, "image", quiet=False)) == list("abc")
    assert "/3 [" in capsys.readouterr().err
    assert list(with_bar(iter("abc"), 3, "image", quiet=True)) == list("abc")
    assert capsys.readouterr().err == ""

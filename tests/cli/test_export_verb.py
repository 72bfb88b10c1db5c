"""`cnnrun data export`: samples as image files, in which `predict` sees what it saw in the set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from experiments import TINY
from PIL import Image
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.data import write_image
from cnnrun.errors import ConfigError, DataError


def invoke(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


def levels(path):
    """Return what another program finds in a file: the numbers from 0 to 255."""
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def colours(tmp_path, monkeypatch):
    """A working directory with the configuration of a set of 8-bit images in colour."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (60, 6, 6, 3), np.uint8)
    np.savez("colours.npz", images=images, labels=np.arange(60) % 3)
    head, tail = TINY.split("  dataset:")
    rest = tail[tail.index("\n") + 1 :].replace("epochs: 4", "epochs: 2")
    (tmp_path / "colours.yaml").write_text(
        f"{head}  dataset: {{npz: {{path: colours.npz}}}}\n{rest}"
    )
    return tmp_path


def test_an_exported_sample_is_predicted_as_in_the_set(colours):
    model = cnnrun.train("colours.yaml").model()
    for split in ("train", "val", "test"):
        said = invoke(
            "data", "export", "colours.yaml", "--index", 3, "--split", split, "-o", "a.png"
        )
        measured = model.evaluate(split)
        name = measured.class_names[int(measured.labels[3])]
        assert said == f"a.png: {split} sample 3 of colours.yaml, class {name}\n"
        (prediction,) = json.loads(invoke("predict", "last", "a.png", "--json"))["predictions"]
        shown = list(prediction["probabilities"].values())
        np.testing.assert_allclose(shown, measured.scores[3], rtol=1e-6)


def test_several_samples_go_into_a_folder(tmp_path):
    document = json.loads(
        invoke("data", "export", "mnist5k", "--index", "701,3", "-o", tmp_path / "some", "--json")
    )
    seven, zero = document["samples"]
    assert (seven["classes"], zero["classes"], zero["exact"]) == (["7"], ["0"], True)
    files = sorted(str(path) for path in (tmp_path / "some").iterdir())
    assert files == [zero["file"], seven["file"]]
    assert levels(seven["file"]).shape == (28, 28)


def test_what_8_bits_cannot_hold_is_said_to_be_rounded(tmp_path):
    said = invoke("data", "export", "digits", "--index", 3, "-o", tmp_path / "four.png")
    assert said.rstrip().endswith("class 4 (rounded to 8 bits)")
    assert levels(tmp_path / "four.png").max() == 255  # 16 in the set


@pytest.mark.parametrize(
    ("maximum", "value", "level", "exact"),
    [(255.0, 77, 77, True), (16.0, 16, 255, True), (16.0, 1, 16, False), (1.0, 0.25, 64, False)],
)
def test_pixels_are_scaled_with_the_maximum_of_the_set(tmp_path, maximum, value, level, exact):
    path = tmp_path / "flat.png"
    assert write_image(path, np.full((2, 3, 1), value), maximum) is exact
    assert (levels(path) == np.full((2, 3), level)).all()


@pytest.mark.parametrize(
    ("index", "output", "split", "kind", "words"),
    [
        ("1000", "a.png", "test", DataError, "--index 1000: the split has samples 0 to 999"),
        ("seven", "a.png", "test", ConfigError, "--index seven: write it as 3,7 or 0-9"),
        ("9-3", "a.png", "test", ConfigError, "--index 9-3: write it as 3,7 or 0-9"),
        ("0-999999999999", "a", "test", ConfigError, "the bound is 200 samples"),
        ("3", "a.jpg", "test", DataError, "a.jpg: images are written as PNG; call the file a.png"),
        ("3,4", "a.png", "test", DataError, "a.png: one file for 2 samples; give a folder"),
        ("3", "a.png", "tset", DataError, "no tset split"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    tmp_path, monkeypatch, index, output, split, kind, words
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=words):
        cnnrun.export_samples("mnist5k", index, output, split=split)
    assert not list(tmp_path.iterdir())


def test_an_image_file_has_1_or_3_channels(tmp_path):
    with pytest.raises(DataError, match="1 or 3 channels, never 2"):
        write_image(tmp_path / "two.png", np.zeros((4, 4, 2), np.uint8), 255.0)


def test_a_folder_for_each_class_can_be_trained_on(tmp_path):
    said = invoke(
        "data", "export", "digits", "--index", "0-19", "-o", tmp_path / "own", "--by-class"
    )
    labels = cnnrun.export_samples("digits", "0-19", tmp_path / "flat")
    own = sorted(path.relative_to(tmp_path / "own") for path in tmp_path.glob("own/*/*.png"))
    assert own == sorted(Path(each.classes[0], f"test-{each.index}.png") for each in labels)
    first = own[0].parent
    count = sum(path.parent == first for path in own)
    assert f"{tmp_path / 'own' / first}: {count} test sample" in said.replace("\n", "")


@pytest.mark.parametrize(
    ("classes", "says"),
    [(("a", "b"), "has 2 labels"), (("a/b",), "'a/b' cannot be the name"), (("..",), "cannot be")],
)
def test_a_class_that_is_no_folder_is_refused(tmp_path, monkeypatch, classes, says):
    monkeypatch.setattr("cnnrun.config.export._classes", lambda *_: classes)
    with pytest.raises(DataError, match=says):
        cnnrun.export_samples("digits", 0, tmp_path, by_class=True)
    assert not list(tmp_path.iterdir())

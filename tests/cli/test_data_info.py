"""`cnnrun data info` and `data export` of every task: classes, numbers, images; and of 16 bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import cnnrun
from cnnrun.cli.app import app
from cnnrun.data import load_images, write_image
from cnnrun.data.pixel_range import PixelRange

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 6, 5), np.uint8)


def invoke(*words):
    result = CliRunner().invoke(app, [*map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Return a function that writes a set and its configuration, and returns the latter's name."""
    monkeypatch.chdir(tmp_path)

    def write(images, labels, options="", network="[flatten, {dense: {units: 1}}]", loss="mse"):
        np.savez("x.npz", images=images, labels=labels)
        (tmp_path / "x.yaml").write_text(
            f"name: x\ndata:\n  dataset: {{npz: {{path: x.npz{options}}}}}\n"
            f"network: {network}\nloss: {loss}\noptimizer: adam\ntrain: {{epochs: 1}}\n"
        )
        return "x.yaml"

    return write


def test_numbers_have_their_figures(write):
    ages = np.arange(20) * 4.0 - 3
    config = write(IMAGES, ages, ", task: regression, class_names: [age]")
    document = json.loads(invoke("data", "info", config, "--json"))
    assert (document["task"], document["classes"]) == ("regression", ["age"])
    assert [split["per_class"] for split in document["splits"].values()] == [[], [], []]
    targets = [split["targets"][0] for split in document["splits"].values()]
    assert min(target["minimum"] for target in targets) == -3
    assert max(target["maximum"] for target in targets) == 73
    counts = [split["samples"] for split in document["splits"].values()]
    means = [target["mean"] for target in targets]
    assert np.average(means, weights=counts) == pytest.approx(ages.mean())
    said = invoke("data", "info", config)
    assert "images 6x5x1 (height x width x channels), 1 number to be learnt of each" in said
    assert "no test split of its own: 0.2 of the training samples is held out as one" in said
    assert "age      train" in said
    exported = invoke("data", "export", config, "--index", 1, "-o", "a.png")
    number = cnnrun.export_samples(config, 1, "b.png")[0].numbers["age"]
    assert exported == f"a.png: test sample 1 of x.yaml, age {number:g}\n"


def test_images_to_be_learnt_have_a_shape(write, tmp_path):
    learnt = 255 - IMAGES[:, :3]
    network = "[{max_pool2d: {pool_size: [2, 1]}}]"
    config = write(IMAGES, learnt, ", task: image", network)
    document = json.loads(invoke("data", "info", config, "--json"))
    assert (document["task"], document["target_shape"]) == ("image", [3, 5, 1])
    assert "to be made into images 3x5x1" in invoke("data", "info", config)
    said = invoke("data", "export", config, "--index", 1, "-o", "a.png")
    assert said == "a.png: test sample 1 of x.yaml, target a-target.png\n"
    (image,) = load_images([tmp_path / "a.png"], (6, 5, 1))
    (target,) = load_images([tmp_path / "a-target.png"], (3, 5, 1))
    np.testing.assert_allclose(target, 1 - image[:3], atol=1e-6)


def test_the_range_of_pixels_is_said(write):
    labels = np.arange(20) % 2
    network, loss = "[flatten, {dense: {units: 2}}]", "softmax_cross_entropy"
    config = write(IMAGES - 300.0, labels, ", range: [-200, 100]", network, loss)
    document = json.loads(invoke("data", "info", config, "--json"))
    assert document["pixels"] == {"minimum": -200, "maximum": -45, "means_0": -200, "means_1": 100}
    assert "pixels from -200 to -45; -200 means 0 and 100 means 1" in invoke("data", "info", config)
    document = json.loads(invoke("data", "info", "digits", "--json"))
    assert document["pixels"] == {"minimum": 0, "maximum": 16, "means_0": 0, "means_1": 16}
    assert document["test_fraction"] is None


@pytest.mark.parametrize(("low", "high"), [(0, 4095), (0, 65_535), (500, 3000), (-1000, 400)])
def test_16_bits_of_grey_are_written_with_16(tmp_path, low, high):
    pixels = RNG.integers(low, high + 1, (6, 5, 1)).astype(np.float32)
    path = tmp_path / "x.png"
    exact = write_image(path, pixels, float(high), float(low))
    with Image.open(path) as image:
        assert image.mode == "I;16"
        if low >= 0:
            np.testing.assert_array_equal(np.asarray(image), pixels[..., 0])
    assert exact is (low >= 0)
    own = PixelRange(low, high, clipped=True)
    (read,) = load_images([path], (6, 5, 1), deep=own.of_deep_files())
    np.testing.assert_allclose(read, own.scaled(pixels), atol=1e-5)


def test_what_8_bits_hold_is_written_with_8(tmp_path):
    pixels = np.array([[[0], [65_535], [257]]], np.uint16)
    assert write_image(tmp_path / "x.png", pixels, 65_535.0)
    with Image.open(tmp_path / "x.png") as image:
        assert image.mode == "L"
        assert np.asarray(image).tolist() == [[0, 255, 1]]


def test_the_bits_of_a_file_are_said(write):
    labels = np.arange(20) % 2
    network, loss = "[flatten, {dense: {units: 2}}]", "softmax_cross_entropy"
    config = write(IMAGES.astype(np.int16) * 5 - 999, labels, ", range: [-999, 300]", network, loss)
    said = invoke("data", "export", config, "--index", 1, "-o", "a.png")
    assert said.endswith("(rounded to 16 bits)\n")
    (sample,) = json.loads(invoke("data", "export", config, "--index", 1, "-o", "a.png", "--json"))[
        "samples"
    ]
    assert (sample["bits"], sample["exact"], sample["target"]) == (16, False, None)


def test_a_picture_is_drawn(tmp_path):
    picture = tmp_path / "new" / "digits.png"
    document = json.loads(invoke("data", "info", "digits", "--picture", picture, "--json"))
    assert document["picture"] == str(picture)
    with Image.open(picture) as image:
        assert image.height > 10 * 64
    said = CliRunner().invoke(app, ["data", "info", "digits", "--picture", str(picture)])
    assert said.stderr == f"wrote {picture}\n"  # as every verb says it
    for words, said in (
        (["--augmented"], "say which file: --picture samples.png"),
        (["--picture", "a.jpg"], "call the file a.png"),
        (["--picture", "a.png", "--augmented"], "no sample is augmented; data.augment says how"),
    ):
        refused = CliRunner().invoke(app, ["data", "info", "digits", *words])
        assert refused.exit_code == 2
        assert said in refused.output

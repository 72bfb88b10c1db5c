"""`cnnrun data check`: its exit codes, what it prints, its JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from experiments import TINY
from PIL import Image
from typer.testing import CliRunner

from cnnrun.cli.app import app


def invoke(*words, exit_code):
    result = CliRunner().invoke(app, ["data", "check", *map(str, words)])
    assert result.exit_code == exit_code, result.output
    return result.stdout


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A working directory with a set of which 14 test images are in train, one by another label."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (40, 8, 8), np.uint8)
    labels = np.arange(40) % 3
    test_labels = labels[:16].copy()
    test_labels[2] = 0
    test = np.concatenate([images[:14], random.integers(0, 256, (2, 8, 8), np.uint8)])
    np.savez(
        "copied.npz", train_images=images, train_labels=labels, val_images=images[20:21] ^ 255,
        val_labels=labels[:1], test_images=test, test_labels=test_labels,
    )  # fmt: skip
    head, tail = TINY.split("  dataset:")
    rest = tail[tail.index("\n") + 1 :]
    (tmp_path / "copied.yaml").write_text(
        f"{head}  dataset: {{npz: {{path: copied.npz, class_names: [a, b, c]}}}}\n{rest}"
    )
    return tmp_path


def test_copies_are_printed_ten_at_most_and_end_with_1(copied):
    printed = invoke("copied.yaml", exit_code=1)
    first = "".join(f"  train {i} = test {i}  ({'abc'[i % 3]})\n" for i in range(10))
    assert printed.startswith(
        "copied: 57 images (train 40, val 1, test 16)\n"
        "error: 14 images of test with a copy to the pixel in train\n"
        f"{first.replace('test 2  (c)', 'test 2  (c / a)')}"
        "  and 4 more\n"
        "error: 2 images with another label than a copy of the same image\n"
        "  train 2 = test 2  (c / a)\n"
    )
    assert printed.endswith("\n2 errors, 1 warning, 2 notes\n")


def test_the_json_has_every_pair(copied):
    check = json.loads(invoke("copied.yaml", "--json", exit_code=1))
    assert check["schema_version"] == 1
    assert check["passed"] is False
    assert check["counts"] == {"error": 2, "warning": 1, "note": 2}
    assert check["samples"] == {"train": 40, "val": 1, "test": 16}
    copies = check["findings"][0]
    assert (copies["severity"], copies["kind"], copies["count"]) == ("error", "copies_across", 14)
    assert len(copies["details"]) == 14
    assert copies["details"][2] == {
        "kind": "exact",
        "first": {"split": "train", "index": 2, "label": "c", "file": None},
        "second": {"split": "test", "index": 2, "label": "a", "file": None},
        "difference": 0.0,
        "conflict": True,
    }


def test_a_sound_set_ends_with_0_and_a_word_about_it():
    assert invoke("digits", exit_code=0) == (
        "digits: 1,797 images (train 1,295, val 143, test 359)\n"
        "no copies, no contradicting labels, no blank images, no missing classes\n"
    )


@pytest.mark.parametrize("words", [["mnits5k"], ["npz"], ["none.yaml"], []])
def test_bad_usage_ends_with_2(words):
    invoke(*words, exit_code=2)


def test_the_picture_shows_pairs_and_is_bounded(copied):
    printed = CliRunner().invoke(
        app, ["data", "check", "copied.yaml", "--picture", "pairs.png"]
    ).output  # fmt: skip
    assert "pairs.png: 14 of 14 pairs" in printed
    with Image.open("pairs.png") as image:
        pixels = np.asarray(image)
    assert pixels.shape == (4 * 193 + 20, 4 * 280 + 20, 3)
    # The first pair: both images, magnified 16 times, below a line of text.
    train = np.load("copied.npz")["train_images"][0]
    for left in (20, 20 + 132):
        np.testing.assert_array_equal(pixels[37 : 37 + 128 : 16, left : left + 128 : 16, 0], train)


def test_no_picture_is_written_of_no_pairs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    CliRunner().invoke(app, ["data", "check", "digits", "--picture", "pairs.png"])
    assert not [*tmp_path.iterdir()]


def test_a_picture_that_is_no_png_is_refused():
    result = CliRunner().invoke(app, ["data", "check", "digits", "--picture", "pairs.jpg"])
    assert result.exit_code == 2
    assert "pairs.jpg: the picture is a PNG file; call it pairs.png" in result.output


def test_a_name_cannot_steer_the_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "pets" / split / name).mkdir(parents=True)
            for number in range(10):
                pixels = random.integers(0, 256, (8, 8), np.uint8)
                Image.fromarray(pixels).save(tmp_path / "pets" / split / name / f"{number}.png")
    source = tmp_path / "pets/train/cat/0.png"
    (tmp_path / "pets/test/cat/\x1b[2J\nerror.png").write_bytes(source.read_bytes())
    head, tail = TINY.split("  dataset:")
    rest = tail[tail.index("\n") + 1 :]
    (tmp_path / "pets.yaml").write_text(
        f"{head}  dataset: {{image_folder: {{path: pets}}}}\n{rest}"
    )
    printed = invoke("pets.yaml", exit_code=1)
    assert "\x1b" not in printed
    assert "/cat/0.png = test/cat/\\x1b[2J\\nerror.png  (cat)\n" in printed

"""`data check` of image folders: broken files, odd sizes, names that contradict their folder."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import cnnrun
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path):
    """A folder of 40 pictures of two classes, and what checks it."""

    class Folder:
        root = tmp_path / "pets"

        def save(self, name, size=(8, 8)):
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(RNG.integers(0, 256, size, np.uint8)).save(path)
            return path

        def check(self, options=""):
            config = tmp_path / "pets.yaml"
            config.write_text(
                f"data: {{dataset: {{image_folder: {{path: pets{options}}}}}}}\n"
                "network: [flatten, {dense: {units: classes}}]\n"
                "optimizer: sgd\ntrain: {epochs: 1}\n"
            )
            check = cnnrun.check_data(config)
            return check, {finding.kind: finding for finding in check.findings}

    made = Folder()
    for split, count in (("train", 14), ("test", 6)):
        for name in ("cat", "dog"):
            for number in range(count):
                made.save(f"{split}/{name}/{number}.png")
    return made


def test_of_a_sound_folder_nothing_is_told_but_rare_classes(folder):
    check, findings = folder.check()
    assert check.passed
    assert findings.keys() <= {"rare_classes"}
    assert check.samples == {"train": 26, "val": 2, "test": 12}


def test_copies_are_named_by_their_files(folder):
    source = folder.root / "train/cat/3.png"
    (folder.root / "test/dog/copy.png").write_bytes(source.read_bytes())
    check, findings = folder.check()
    assert not check.passed
    told = findings["copies_across"].pairs[0]
    assert str(told) == "train/cat/3.png = test/dog/copy.png  (cat / dog)"
    assert findings["conflicting_labels"].pairs == (told,)


def test_every_broken_file_is_told_and_the_others_are_compared(folder):
    broken = [f"train/cat/bad{number}.png" for number in range(12)]
    for name in broken:
        (folder.root / name).write_bytes(b"not a picture")
    half = folder.save("test/dog/half.png", (60, 60))
    half.write_bytes(half.read_bytes()[:900])
    (folder.root / "test/cat/copy.png").write_bytes((folder.root / "train/cat/3.png").read_bytes())
    check, findings = folder.check()
    corrupt = findings["corrupt_files"]
    assert (corrupt.severity, corrupt.count) == ("error", 13)
    assert [str(detail).partition(":")[0] for detail in corrupt.details] == sorted(
        ["test/dog/half.png", *broken]
    )
    assert "not an image of a known kind" in str(corrupt.details[5])
    assert [*map(str, findings["copies_across"].pairs)] == [
        "train/cat/3.png = test/cat/copy.png  (cat)"
    ]
    assert check.samples["test"] == 13
    assert "uneven_sizes" not in findings


def test_uneven_sizes_are_told_whether_they_are_scaled_or_not(folder):
    folder.save("train/cat/wide.png", (8, 9))
    folder.save("train/dog/large.png", (80, 90))
    check, findings = folder.check()
    assert not check.passed
    assert "sizes" in findings["refused"].message
    for told in (findings, folder.check(", size: 8")[1]):
        uneven = told["uneven_sizes"]
        assert uneven.message == "3 sizes of images (height x width); 40 of 42 are 8x8"
        assert uneven.details[0] == "8x8: 40, such as test/cat/0.png"
        assert told["odd_sizes"].details == ("train/dog/large.png: 80x90",)
    assert folder.check(", size: 8")[0].passed


def test_a_folder_of_a_class_by_another_spelling_is_told(folder):
    folder.save("test/Cats/1.png")
    check, findings = folder.check()
    assert not check.passed
    assert "Cats" in findings["refused"].message
    assert findings["class_names"].details == ("test/Cats and test/cat",)
    assert check.samples == {}


def test_a_file_named_after_another_class_is_told(folder):
    for name in ("train/cat/dog_001.png", "train/cat/cat-and-dog.png", "train/dog/Dogs2.png",
                 "train/dog/catalogue.png"):  # fmt: skip
        folder.save(name)
    check, findings = folder.check()
    assert check.passed
    assert findings["file_names"].details == ("train/cat/dog_001.png: named dog",)


def test_what_is_no_folder_is_refused_as_ever(folder):
    folder.root.rename(folder.root.with_name("elsewhere"))
    with pytest.raises(DataError, match="no such folder"):
        folder.check()

"""CSV files that list image files, and what their labels say: classes, several labels, numbers."""

from __future__ import annotations

import numpy as np
import pytest
from csv_files import load, message, write
from PIL import Image

from cnnrun.errors import OptionError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (12, 5, 4), np.uint8)
FILES = [f"p/{index}.png" for index in range(12)]


@pytest.fixture
def folder(tmp_path):
    """Return a folder with image files."""
    (tmp_path / "p").mkdir()
    for image, file in zip(IMAGES, FILES, strict=True):
        Image.fromarray(image).save(tmp_path / file)
    return tmp_path


def listing(folder, *columns, header=()):
    """Write a file of columns."""
    write(folder / "x.csv", [*([header] if header else []), *zip(*columns, strict=True)])


def labels_of(data):
    """Return what is learnt of each file."""
    split = data.split("train")
    for image, file in zip(split.images, split.files, strict=True):
        np.testing.assert_array_equal(image[..., 0], IMAGES[FILES.index(file)])
    return {file: label.tolist() for file, label in zip(split.files, split.labels, strict=True)}


@pytest.mark.parametrize("header", [(), ("image", "kind")])
def test_one_label(folder, header):
    listing(folder, FILES, ["c10", "c2", "c1"] * 4, header=header)
    data = load(folder)
    assert data.info.class_names == ("c1", "c2", "c10")
    assert (data.info.image_shape, data.info.task) == ((5, 4, 1), "classification")
    assert labels_of(data) == {file: [2, 1, 0][i % 3] for i, file in enumerate(FILES)}
    assert load(folder, class_names=("c10", "c2", "c1", "c0")).info.classes == 4
    assert "x.csv:2: column 2: 'c2' is not one of class_names; known: c10, c1" in message(
        folder, class_names=("c10", "c1")
    ).replace("x.csv:3", "x.csv:2")  # with a header


def test_numbers_are_classes_that_may_have_names(folder):
    listing(folder, FILES, [7.0, 10, 7] * 4, header=("file", "kind"))
    assert load(folder).info.class_names == ("7", "10")
    listing(folder, FILES, [1, 0, 1] * 4, header=("file", "kind"))
    data = load(folder, class_names=("cat", "dog"))
    assert data.info.class_names == ("cat", "dog")
    assert labels_of(data)[FILES[0]] == 1


def test_several_columns_of_zeros_and_ones(folder):
    flags = RNG.integers(0, 2, (12, 3))
    listing(folder, FILES, *flags.T, header=("id", "a", "b", "c"))
    assert "say which column is the label: a, b, c" in message(folder)
    data = load(folder, label=("a", "b", "c"))
    assert (data.info.task, data.info.class_names) == ("multi_label", ("a", "b", "c"))
    assert data.info.several_labels
    assert labels_of(data) == {file: row.tolist() for file, row in zip(FILES, flags, strict=True)}
    assert data.train.labels.dtype == np.float32
    listing(folder, FILES, [0, 2] * 6, [1, 0] * 6)
    assert "x.csv:2: column 2: '2' is neither 0 nor 1, which" in message(folder, label=(2, 3))
    with pytest.raises(OptionError, match="classification has one label column"):
        load(folder, label=(2, 3), task="classification")


def test_several_labels_in_one_column(folder):
    listing(folder, FILES, ["b10|b9", "", "b9", "b10 | b9"] * 3, header=("file", "kinds"))
    assert "x.csv:2: column 2: 'b10|b9' looks like several labels; say task" in message(folder)
    data = load(folder, task="multi_label")
    assert data.info.class_names == ("b9", "b10")
    assert labels_of(data) == {
        file: [[1, 1], [0, 0], [1, 0], [1, 1]][i % 4] for i, file in enumerate(FILES)
    }
    assert "is not one of class_names; known: b9" in message(
        folder, task="multi_label", class_names=("b9",)
    )


def test_numbers_to_be_learnt(folder):
    numbers = RNG.normal(size=(12, 2)).round(3)
    listing(folder, FILES, *numbers.T, header=("file", "x", "y"))
    data = load(folder, task="regression", label=("x", "y"))
    assert (data.info.task, data.info.class_names) == ("regression", ("x", "y"))
    learnt = labels_of(data)
    for file, row in zip(FILES, numbers, strict=True):
        np.testing.assert_allclose(learnt[file], row, rtol=1e-6)
    data = load(folder, task="regression", label="y", ignore=("x",), class_names=("height",))
    assert (data.info.class_names, data.train.labels.shape) == (("height",), (10, 1))
    for cell in ("nan", "inf", "tall", "", "1e39"):
        listing(folder, FILES, [1.5] * 11 + [cell], header=("file", "x"))
        assert message(folder, task="regression") == f"x.csv:13: column 2: {cell!r} is no number"


def test_a_column_says_the_split(folder):
    split = ["train", "test", "train", "val"] * 3
    listing(folder, split, FILES, [0, 1, 1, 0] * 3, header=("Split", "file", "label"))
    data = load(folder)
    assert data.val.files == tuple(FILES[3::4])
    assert data.test.files == tuple(FILES[1::4])
    assert (len(data.train), data.divided, data.info.test_fraction) == (6, False, None)
    listing(folder, ["test"] * 12, FILES, [0, 1] * 6)
    assert "no row is of the split train" in message(folder, split=1)


def test_names_without_their_ends_in_another_folder(folder):
    listing(folder, range(12), [0, 1] * 6, header=("id", "label"))
    data = load(folder, images="id", folder="p", suffix=".png")
    assert sorted(data.train.files + data.test.files)[:2] == ["0.png", "1.png"]
    assert "x.csv:2: column 1: '0' is no file in " in message(folder, images="id", folder="p")


def test_sizes_and_colours(folder):
    Image.fromarray(RNG.integers(0, 256, (9, 8, 3), np.uint8)).save(folder / FILES[3])
    listing(folder, FILES, [0, 1] * 6)
    assert "images of 2 sizes" in message(folder)
    assert load(folder, size=(3, 6)).info.image_shape == (3, 6, 3)
    assert load(folder, size=3, fit="crop", channels=1).info.image_shape == (3, 3, 1)
    assert "shape is for a file that has pixels; this one lists" in message(folder, shape=(5, 4))
    assert "maximum is of image files of 16 bits, above 255" in message(folder, maximum=1.0)


def test_sixteen_bits_are_kept(folder):
    deep = RNG.integers(0, 4096, (5, 4), np.uint16)
    for file in FILES:
        Image.fromarray(deep).save(folder / file)
    listing(folder, FILES, [0, 1] * 6)
    data = load(folder, maximum=4095.0)
    np.testing.assert_array_equal(data.train.images[0, ..., 0], deep)
    assert data.train.maximum == 4095


def test_a_file_that_is_listed_twice_is_two_samples(folder):
    listing(folder, [*FILES, FILES[0]], [0, 1] * 6 + [1])
    data = load(folder, test_fraction=0.5)
    assert len(data.train) + len(data.test) == 13


def test_all_files_that_are_missing_or_broken_are_named(folder):
    listing(folder, [*FILES, *map(str, range(20))], [0, 1] * 16, header=("file", "label"))
    lines = message(folder).splitlines()
    assert lines[0].startswith("x.csv:14: column 1: '0' is no file in ")
    assert (len(lines), lines[-1]) == (11, "and 10 more")
    for file in FILES[2:5]:
        (folder / file).write_bytes((folder / file).read_bytes()[:40])
    listing(folder, FILES, [0, 1] * 6)
    said = message(folder)
    assert "3 of 12 image files cannot be used" in said
    assert all(file in said for file in FILES[2:5])

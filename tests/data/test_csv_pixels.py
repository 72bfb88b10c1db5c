"""CSV files of pixels: what is read of them, and what is said of those that are wrong."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from csv_files import load, message, write
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cnnrun.errors import OptionError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 3, 3), np.uint8)
LABELS = np.arange(20) % 4
ROWS = [[label, *image.ravel()] for label, image in zip(LABELS, IMAGES, strict=True)]
NAMES = [f"{row}x{column}" for row in (1, 2, 3) for column in (1, 2, 3)]


def whole(data):
    """Return all images and labels in the order of the file."""
    split = data.split("train")
    order = [[*map(bytes, split.images)].index(bytes(image)) for image in IMAGES]
    return split.images[order], split.labels[order]


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [[], [["label", *NAMES]]])
def test_the_label_comes_first(tmp_path, name, delimiter, header):
    write(tmp_path / name, [*header, *ROWS], delimiter)
    data = load(tmp_path, name)
    images, labels = whole(data)
    np.testing.assert_array_equal(images, IMAGES[..., None])
    np.testing.assert_array_equal(labels, LABELS)
    assert images.dtype == np.uint8
    assert data.info.class_names == ("0", "1", "2", "3")
    assert (data.info.train_samples, data.info.test_samples) == (16, 4)
    assert data.divided


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ([*NAMES, "Class"], {}),
        ([*NAMES, "digit"], {"label": "digit"}),
        ([], {"label": -1}),
        ([], {"label": 10, "header": False}),
        ([*range(9), "digit"], {"label": "digit"}),
        ([*range(10)], {"label": "9"}),
        ([*range(10)], {"label": 10, "header": True}),
    ],
)
def test_the_label_stands_where_it_is_said(tmp_path, header, options):
    rows = [[*row[1:], row[0]] for row in ROWS]
    write(tmp_path / "x.csv", [header, *rows] if header else rows)
    images, labels = whole(load(tmp_path, **options))
    np.testing.assert_array_equal(images, IMAGES[..., None])
    np.testing.assert_array_equal(labels, LABELS)


def test_names_that_count_are_asked_about(tmp_path):
    write(tmp_path / "x.csv", [[*range(10)], *ROWS])
    assert "x.csv:1: the first line counts 0, 1, 2, ...; say header: true if" in message(tmp_path)


def test_other_shapes_are_said(tmp_path):
    write(tmp_path / "x.csv", [[0, *range(12)], [1, *range(12)]] * 5)
    assert "12 columns of pixels are no square; say shape: [height, width] (or [2, 2, 3])" in (
        message(tmp_path)
    )
    assert "12 columns of pixels, but shape 3x3 has 9" in message(tmp_path, shape=(3, 3))
    row = np.arange(12)
    for options, expected in (
        ({"shape": (3, 4)}, row.reshape(3, 4, 1)),
        ({"shape": (2, 2, 3)}, row.reshape(2, 2, 3)),
        ({"shape": (2, 2, 3), "axes": "NCHW"}, row.reshape(3, 2, 2).transpose(1, 2, 0)),
        ({"ignore": (11, 12, -1)}, row[:9].reshape(3, 3, 1)),
    ):
        data = load(tmp_path, **options)
        assert data.info.image_shape == expected.shape
        np.testing.assert_array_equal(data.train.images[0], expected)


def test_splits_are_files_or_a_column(tmp_path):
    write(tmp_path / "x.csv", ROWS)
    write(tmp_path / "t.csv.gz", ROWS[:6])
    data = load(tmp_path, test="t.csv.gz")
    assert (len(data.train), len(data.test), data.divided) == (20, 6, False)
    np.testing.assert_array_equal(data.test.images, IMAGES[:6, ..., None])
    data = load(tmp_path, val="t.csv.gz")
    assert (len(data.train), len(data.val), len(data.test)) == (16, 6, 4)
    said = ["TRAIN", "valid", "test", "training"] * 5
    rows = [[*row, split] for row, split in zip(ROWS, said, strict=True)]
    write(tmp_path / "x.csv", [["label", *NAMES, "split"], *rows])
    data = load(tmp_path, class_names=tuple("0123"))
    np.testing.assert_array_equal(data.train.images, IMAGES[[0, 3, *range(4, 20)], ..., None][
        [i for i, label in enumerate([0, 3, *LABELS[4:]]) if label in (0, 3)]])  # fmt: skip
    np.testing.assert_array_equal(data.val.labels, [1] * 5)
    np.testing.assert_array_equal(data.test.labels, [2] * 5)
    assert "column split says the split, but there are files" in message(tmp_path, test="x.csv")
    rows[6][-1] = "both"
    write(tmp_path / "x.csv", rows)
    assert "x.csv:7: column 11: 'both' is none of train, val, test" in message(tmp_path, split=-1)


def test_files_of_splits_have_the_same_columns(tmp_path):
    write(tmp_path / "x.csv", [["label", *NAMES], *ROWS])
    write(tmp_path / "t.csv", ROWS)
    assert "t.csv: its columns (10 columns) are not those of x.csv (label, 1x1" in (
        message(tmp_path, test="t.csv")
    )


@pytest.mark.parametrize(
    ("pixels", "options", "expected"),
    [
        (IMAGES / 255, {}, (np.float32, 1.0)),
        (IMAGES // 16, {"maximum": 15.0}, (np.uint8, 15.0)),
        (IMAGES * 16.0, {"maximum": 4080.0}, (np.float32, 4080.0)),
        (IMAGES > 99, {"maximum": 1.0}, (np.uint8, 1.0)),
    ],
)
def test_ranges(tmp_path, pixels, options, expected):
    write(tmp_path / "x.csv", [[label, *map(float, image)] for label, image in
                               zip(LABELS, pixels.reshape(20, 9), strict=True)])  # fmt: skip
    split = load(tmp_path, **options).split("train")
    assert (split.images.dtype, split.maximum) == expected
    assert np.isclose(np.sort(split.images.ravel()), np.sort(pixels.ravel())).all()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("abc", "'abc' is no number"),
        ("", "'' is no number"),
        ("nan", "'nan' is no number"),
        ("inf", "'inf' is no number"),
        ("1_0", "'1_0' is no number"),
        ("\uff11", "'\uff11' is no number"),
        ("0x1", "'0x1' is no number"),
        ("1e999", "'1e999' is no number"),
        ("256", "'256' is no pixel between 0 and 255 (set maximum if another"),
        ("-1", "'-1' is no pixel between 0 and 255"),
        ("1e300", "'inf' is no pixel between 0 and 255"),
    ],
)
def test_a_wrong_pixel_is_named_by_line_and_column(tmp_path, cell, expected):
    rows = [[*row] for row in ROWS]
    rows[16][4] = cell
    write(tmp_path / "x.csv", rows)
    assert message(tmp_path).startswith(f"x.csv:17: column 5: {expected}")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "x.csv: an empty file"),
        (b"\n\n", "x.csv: an empty file"),
        (b"1\n2\n", "x.csv:1: one column only, '1'; columns are separated by commas"),
        (b"1,2\n1,2,3\n", "x.csv:2: 3 columns, the first line has 2"),
        (b"a,b\n", "x.csv:1: column 2: 'b' is no number"),
        (b"0,1\n0,\xff\n", "x.csv:2: not UTF-8 text, at byte 3 of the line"),
        (b'0,"1\n', "unexpected end of data"),
        (b"0,2\n0,2\n", "one class only (0)"),
        (b"0,0\n1,1\n" * 2, "all pixels are 0 or 1; say maximum: 1 if"),
        (b"a,2\n|,2\n", "x.csv:2: column 1: '|' looks like several labels; say task"),
        (b",2\n1,2\n", "x.csv:1: column 1: '' is no label"),
        (b"1.5,2\n1,2\n", "x.csv:1: column 1: '1.5' is no class; say task: regression"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, expected):
    (tmp_path / "x.csv").write_bytes(content)
    assert expected in message(tmp_path, header=False, test_fraction=0.5)


def test_columns_that_are_not_there(tmp_path):
    write(tmp_path / "x.csv", ROWS)
    assert "label: no column 11; they are 1 to 10, or -1 for the last" in message(
        tmp_path, label=11
    )
    assert "label: no column 0; they" in message(tmp_path, label=0)
    assert "column 1 is given twice; a column has" in message(tmp_path, label=1, ignore=(1,))
    write(tmp_path / "x.csv", [["label", "label", *NAMES[1:]], *ROWS])
    assert "label: no column is called 'kind'; it has label" in message(tmp_path, label="kind")
    assert "label: 2 columns are called 'label'" in message(tmp_path, label="label")
    assert "say which column is the label: label, label" in message(tmp_path)
    assert "size is for a file that lists image files; this one has pixels" in (
        message(tmp_path, label=1, size=3)
    )
    with pytest.raises(OptionError, match="header is false, but columns are given by name"):
        message(tmp_path, label="label", header=False)


def test_no_line_and_no_bomb_takes_more_memory_than_it_may(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnrun.data.csv_file.LONGEST_LINE", 1 << 16)
    (tmp_path / "x.csv").write_bytes(b"0," * (1 << 15))
    assert "x.csv:1: longer than 65,536 bytes" in message(tmp_path)
    monkeypatch.setattr("cnnrun.data.compressed.BOMB_BYTES", 1 << 16)
    (tmp_path / "x.csv").write_bytes(gzip.compress((b"0," * 300 + b"0\n") * 1500))
    assert "expands too far: it may be a decompression bomb" in message(tmp_path)


def test_a_compressed_file_cut_at_any_byte_is_refused(tmp_path):
    write(tmp_path / "y.csv.gz", ROWS[:6])
    content = (tmp_path / "y.csv.gz").read_bytes()
    for length in range(len(content)):
        (tmp_path / "x.csv").write_bytes(content[:length])
        assert message(tmp_path).startswith("x.csv")


@given(arrays.arrays(np.uint8, st.tuples(st.integers(4, 9), st.sampled_from([1, 4, 9]))))
def test_numpy_writes_what_is_read(tmp_path_factory, pixels):
    folder = tmp_path_factory.mktemp("csv")
    labels = np.arange(len(pixels)) % 2
    np.savetxt(folder / "x.csv", np.column_stack([labels, pixels]), "%d", delimiter=",")
    options = {"header": False, "maximum": 255.0, "test_fraction": 0.5}
    data = load(folder, **options)
    again = np.concatenate([data.train.images, data.test.images]).reshape(len(pixels), -1)
    assert sorted(map(bytes, again)) == sorted(map(bytes, pixels))

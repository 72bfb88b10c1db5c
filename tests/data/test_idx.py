"""What IDX files are read, and what is said of those that are not."""

from __future__ import annotations

import gzip
import itertools
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cnnrun.data.idx_file import IdxFile
from cnnrun.data.sources import Idx
from cnnrun.errors import DataError, OptionError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (20, 5, 4), np.uint8)
HOLE = np.zeros((20, 5, 4), np.float32)
HOLE[2, 1, 0] = np.nan
LABELS = (np.arange(20) % 4).astype(np.uint8)
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def idx(array):
    """Return an array as the bytes of an IDX file."""
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder, names, images=IMAGES, labels=LABELS):
    """Write files of images and labels in turn, compressed if their names say so."""
    for name in names:
        content = idx(images if "images" in name else labels)
        (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)


def load(folder, **options):
    source = Idx(".", **options)
    data = source.load(folder)
    assert source.info(folder) == data.info
    return data


def message(call):
    with pytest.raises(DataError) as caught:
        call()
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("pattern", ["{}-idx{}-ubyte", "{}.idx{}-ubyte", "emnist-x-{}-idx{}-ubyte"])
@pytest.mark.parametrize("test", ["t10k", "test"])
def test_standard_names(tmp_path, pattern, test, suffix):
    for split in ("train", test):
        names = [pattern.format(f"{split}-images", 3), pattern.format(f"{split}-labels", 1)]
        write(tmp_path, [name + suffix for name in names])
    data = load(tmp_path)
    assert data.info.image_shape == (5, 4, 1)
    assert data.info.class_names == ("0", "1", "2", "3")
    assert (data.info.train_samples, data.info.test_samples, data.divided) == (20, 20, False)
    for split in (data.train, data.test):
        np.testing.assert_array_equal(split.images, IMAGES[..., None])
        np.testing.assert_array_equal(split.labels, LABELS)
    assert data.train.labels.dtype == np.int64


def test_files_of_any_name(tmp_path):
    names = ("a-images", "a-labels", "b-images.gz", "b-labels.gz")
    write(tmp_path, names)
    a, b, c, d = names
    data = load(tmp_path, train_images=a, train_labels=b, val_images=c, val_labels=d)
    assert data.divided
    assert len(data.val) == 20
    assert (len(data.train), len(data.test)) == (16, 4)
    np.testing.assert_array_equal(data.val.images, IMAGES[..., None])


@pytest.mark.parametrize(
    ("given_names", "missing"),
    [
        ({"train_images": "a"}, "train_labels is missing"),
        ({"train_images": "a", "train_labels": "b", "test_labels": "c"}, "test_images is missing"),
        ({"test_images": "a", "test_labels": "b"}, "train_images is missing"),
    ],
)
def test_names_are_given_in_pairs(given_names, missing):
    with pytest.raises(OptionError, match=missing):
        Idx(".", **given_names)


def test_a_prefix_selects_one_of_several_sets(tmp_path):
    write(tmp_path, ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"], IMAGES // 2)
    write(tmp_path, ["emnist-letters-train-images-idx3-ubyte"])
    write(tmp_path, ["emnist-letters-train-labels-idx1-ubyte"], labels=LABELS + 1)
    assert 'which prefix: emnist-letters, ""' in message(lambda: load(tmp_path))
    assert load(tmp_path, prefix="").train.images.max() < 128
    letters = {"prefix": "emnist-letters"}
    assert "are 0 to 3, one for each of class_names; say first_label: 1" in message(
        lambda: load(tmp_path, **letters, class_names=("a", "b", "c", "d"))
    )
    data = load(tmp_path, **letters, first_label=1, transpose=True, class_names=tuple("abcd"))
    assert data.info.image_shape == (4, 5, 1)
    assert data.info.class_names == ("a", "b", "c", "d")
    whole = data.split("train")
    order = [[*map(bytes, whole.images)].index(image.T.tobytes()) for image in IMAGES]
    np.testing.assert_array_equal(whole.labels[order], LABELS)


@pytest.mark.parametrize(
    ("images", "options", "expected"),
    [
        (IMAGES.astype("f4") / 255, {}, np.float32),
        (IMAGES.astype("f8") / 255, {}, np.float32),
        (IMAGES.astype("i2") * 16, {"maximum": 4080.0}, np.float32),
        (IMAGES.astype("i4"), {}, np.uint8),
        (IMAGES.astype("i1") & 127, {"maximum": 127.0}, np.uint8),
    ],
)
def test_other_numbers(tmp_path, images, options, expected):
    write(tmp_path, ["train-images-idx3-x", "train-labels-idx1-x"], images, LABELS.astype("i4"))
    data = load(tmp_path, **options).split("train")
    assert data.images.dtype == expected
    order = np.lexsort(data.images.reshape(20, -1).T), np.lexsort(images.reshape(20, -1).T)
    np.testing.assert_allclose(data.images[order[0], ..., 0], images[order[1]], rtol=1e-6)


def test_colours_are_last_or_asked_about(tmp_path):
    names = ["train-images-idx4-ubyte", "train-labels-idx1-ubyte"]
    write(tmp_path, names, RNG.integers(0, 256, (20, 5, 4, 3), np.uint8))
    assert load(tmp_path).info.image_shape == (5, 4, 3)
    first = RNG.integers(0, 256, (20, 3, 5, 6), np.uint8)
    write(tmp_path, names, first)
    assert "axes: NCHW if they are 5x6 with 3 channels" in message(lambda: load(tmp_path))
    images = load(tmp_path, axes="NCHW").split("train").images
    assert sorted(map(bytes, images)) == sorted(map(bytes, first.transpose(0, 2, 3, 1).copy()))


@pytest.mark.parametrize(
    ("images", "labels", "expected"),
    [
        (IMAGES.astype("i2") - 1, LABELS, r"is -1; pixels of int16 lie between 0 and 255"),
        (HOLE, LABELS, r"\[2, 1, 0, 0\] is nan; pixels"),
        (IMAGES[0], LABELS[:5], r"shape \(5, 4\); images are \(N, H, W\)"),
        (IMAGES[:0], LABELS[:0], r"shape \(0, 5, 4\); images are .*, none of them 0"),
        (IMAGES, LABELS[:19], "20 images in .*, 19 labels in .*"),
        (IMAGES, LABELS.astype("f4"), "float32 of shape .*; labels are whole numbers"),
        (IMAGES, np.eye(20, 4).astype("u1"), r"labels are whole numbers \(N,\)"),
        (IMAGES, LABELS * 2, r"\[2\] is 4; the labels of 4 classes are 0 to 3, without a gap"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, images, labels, expected):
    write(tmp_path, ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"], images, labels)
    assert re.search(expected, message(lambda: load(tmp_path)))


def test_a_missing_file_is_named(tmp_path):
    assert "no such folder" in message(lambda: Idx("none").load(tmp_path))
    assert "no files like train-images-idx3-ubyte or" in message(lambda: load(tmp_path))
    write(tmp_path, ["train-images-idx3-ubyte"])
    assert "has train-images-idx3-ubyte, but no train labels (such as train-labels-idx1" in message(
        lambda: load(tmp_path)
    )
    options = {"train_images": "x", "train_labels": "y"}
    assert message(lambda: load(tmp_path, **options)).endswith("x: no such file")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_at_any_byte_is_refused(tmp_path, compressed):
    file, content = tmp_path / "x", idx(IMAGES[:3])
    content = gzip.compress(content) if compressed else content
    for length in range(len(content)):
        file.write_bytes(content[:length])
        assert str(file) in message(lambda: IdxFile(file).read())
    file.write_bytes(content)
    np.testing.assert_array_equal(IdxFile(file).read(), IMAGES[:3])


def test_bytes_that_nothing_declares_are_refused(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(idx(LABELS) + b"1")
    assert "ends at byte 28, but the file has 29 bytes" in message(lambda: IdxFile(file))
    file.write_bytes(gzip.compress(idx(LABELS) + b"1"))
    assert "goes on after byte 28 once expanded" in message(lambda: IdxFile(file).read())
    file.write_bytes(gzip.compress(idx(LABELS)) + b"1")
    assert "cannot be read" in message(lambda: IdxFile(file).read())


def test_sizes_are_checked_before_memory_is_taken(tmp_path):
    file, header = tmp_path / "x", struct.pack(">BBBB3I", 0, 0, 8, 3, 60000, 4096, 4096)
    for content in (header, gzip.compress(header)):
        file.write_bytes(content)
        assert "the limit is 8 GiB" in message(lambda: IdxFile(file))
    file.write_bytes(gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, 60, 4096, 4096)))
    assert "it is a decompression bomb" in message(lambda: IdxFile(file))


def test_a_changed_header_is_refused(tmp_path):
    file, content = tmp_path / "x", idx(IMAGES[:3])
    for position, value in itertools.product(range(16), (0, 1, 3, 8, 9, 13, 14, 31, 127, 128, 255)):
        file.write_bytes(content[:position] + bytes([value]) + content[position + 1 :])
        same_size = value == content[position] or (position, value) == (2, CODES["i1"])
        if not same_size:
            assert str(file) in message(lambda: IdxFile(file).read())


@given(
    arrays.arrays(
        st.sampled_from(sorted(CODES)), arrays.array_shapes(max_dims=4, max_side=4, min_side=0)
    ),
    st.booleans(),
)
def test_what_was_written_is_read(tmp_path_factory, array, compressed):
    file = tmp_path_factory.mktemp("idx") / "x"
    file.write_bytes(gzip.compress(idx(array)) if compressed else idx(array))
    read = IdxFile(file).read()
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize("code", sorted(CODES))
def test_another_writer_writes_the_same(tmp_path, code):
    idx2numpy = pytest.importorskip("idx2numpy")
    array = RNG.integers(0, 100, (3, 4, 5)).astype(code)
    idx2numpy.convert_to_file(str(tmp_path / "x"), array)
    np.testing.assert_array_equal(IdxFile(tmp_path / "x").read(), array)


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_the_files_that_debian_ships():
    info = Idx(str(DEBIAN)).info(Path())
    assert (info.image_shape, info.classes) == ((28, 28, 1), 10)
    assert (info.train_samples, info.test_samples) == (60000, 10000)

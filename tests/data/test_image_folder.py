"""Folders of image files: their layout, their sizes and colours, and damaged ones."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cnnrun.data import load_images
from cnnrun.data.images import image_header
from cnnrun.data.sources import ImageFolder
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 4), np.uint8)
COLOUR = RNG.integers(0, 256, (5, 4, 3), np.uint8)


def save(path, pixels=GREY, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def load(tmp_path, **options):
    source = ImageFolder(".", **options)
    data = source.load(tmp_path)
    assert source.info(tmp_path) == data.info
    return data


def classes_of_ten(tmp_path):
    for label, name in enumerate(("cat", "dog")):
        for number in range(10):
            save(tmp_path / name / f"{number}.png", np.full((5, 4), 100 * label + number, np.uint8))


def test_split_folders(tmp_path):
    pictures = {
        f"{split}/{name}/{number}.png": RNG.integers(0, 256, (5, 4, 3), np.uint8)
        for split, count in (("train", 3), ("val", 1), ("test", 2))
        for name in ("dog", "cat")
        for number in range(count)
    }
    for name, pixels in pictures.items():
        save(tmp_path / name, pixels)
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    (tmp_path / "train" / "cat" / ".hidden.png").write_text("nor this")
    (tmp_path / "train" / ".cache").mkdir()
    data = load(tmp_path)
    assert data.info.class_names == ("cat", "dog")
    assert data.info.image_shape == (5, 4, 3)
    assert data.info.name == tmp_path.name
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert data.val is not None
    assert data.val.labels.tolist() == [0, 1]
    assert data.test.labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(data.train.images[4], pictures["train/dog/1.png"])
    np.testing.assert_array_equal(data.test.images[1], pictures["test/cat/1.png"])


def test_class_folders_are_split_by_fraction(tmp_path):
    classes_of_ten(tmp_path)
    data = load(tmp_path, test_fraction=0.3)
    assert np.bincount(data.train.labels).tolist() == [7, 7]
    assert np.bincount(data.test.labels).tolist() == [3, 3]
    both = np.concatenate([data.train.images, data.test.images])[:, 0, 0, 0]
    assert sorted(both.tolist()) == [*range(10), *range(100, 110)]
    for split in (data.train, data.test):
        np.testing.assert_array_equal(split.images[:, 0, 0, 0] // 100, split.labels)
    assert load(tmp_path, test_fraction=0.3).sha256() == data.sha256()
    assert load(tmp_path, test_fraction=0.3, split_seed=1).sha256() != data.sha256()


def test_class_names_fix_the_labels(tmp_path):
    classes_of_ten(tmp_path)
    data = load(tmp_path, class_names=("dog", "cow", "cat"))
    assert data.info.classes == 3
    np.testing.assert_array_equal(data.train.images[:, 0, 0, 0] >= 100, data.train.labels == 0)
    assert set(data.train.labels.tolist()) == {0, 2}
    with pytest.raises(DataError, match="dog: no such class; known: cat, cow"):
        load(tmp_path, class_names=("cat", "cow"))


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "tram"):
        for number in range(5):
            save(tmp_path / name / f"{number}.png")
    assert load(tmp_path).info.class_names == ("train", "tram")


def test_size_and_channels(tmp_path):
    save(tmp_path / "a" / "0.png", np.full((8, 6), 70, np.uint8))
    save(tmp_path / "a" / "1.png", np.full((3, 9), 70, np.uint8))
    save(tmp_path / "b" / "0.png", np.full((2, 2, 3), 70, np.uint8))
    save(tmp_path / "b" / "1.png", np.full((2, 2, 4), (70, 70, 70, 0), np.uint8))
    for size, channels, shape in (
        (4, None, (4, 4, 3)),
        (4, 1, (4, 4, 1)),
        ((4, 5), 3, (4, 5, 3)),
    ):
        data = load(tmp_path, size=size, channels=channels, test_fraction=0.5)
        assert data.info.image_shape == data.train.images.shape[1:] == shape
        assert np.all(data.train.images == 70)
    with pytest.raises(DataError, match=r"\d\.png: \d+x\d+ pixels \(height x width\), others have"):
        load(tmp_path, test_fraction=0.5)


@pytest.mark.parametrize("suffix", ["png", "bmp", "pgm", "tiff", "gif", "webp"])
def test_kinds_of_files_that_lose_nothing(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"x.{suffix}", GREY, **options)
    np.testing.assert_allclose(load_images([path], (5, 4, 1))[0, ..., 0], GREY / 255, rtol=1e-6)


def test_colours_become_grey_and_grey_colours(tmp_path):
    grey, colour = save(tmp_path / "grey.png"), save(tmp_path / "colour.png", COLOUR)
    assert image_header(grey) == (5, 4, 1, 8)
    assert image_header(colour) == (5, 4, 3, 8)
    np.testing.assert_allclose(
        load_images([grey], (5, 4, 3))[0], np.repeat(GREY[..., None], 3, 2) / 255, rtol=1e-6
    )
    luma = COLOUR @ np.array([299, 587, 114]) / 1000  # ITU-R 601-2, as Pillow's documentation says
    np.testing.assert_allclose(load_images([colour], (5, 4, 1))[0, ..., 0] * 255, luma, atol=1)


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    pixels = np.array([[0, 257, 40_000, 65_535]], np.uint16)
    path = save(tmp_path / "deep.png", pixels)
    np.testing.assert_array_equal(
        load_images([path], (1, 4, 1))[0, ..., 0], pixels / np.float32(65_535)
    )


def test_floating_point_pixels_are_refused(tmp_path):
    path = save(tmp_path / "float.tiff", np.ones((5, 4), np.float32))
    with pytest.raises(DataError, match="floating-point"):
        load_images([path], (5, 4, 1))


def test_load_images_refuses_another_size_or_scales_it(tmp_path):
    path = save(tmp_path / "x.png", np.full((8, 6), 51, np.uint8))
    with pytest.raises(DataError, match=r"x\.png: the image has 8x6 pixels .*, not 5x4"):
        load_images([path], (5, 4, 1))
    scaled = load_images([path, path], (5, 4, 1), resize=True)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, np.full((2, 5, 4, 1), 0.2), rtol=1e-6)
    with pytest.raises(DataError, match="1 or 3 channels, never 2"):
        load_images([path], (5, 4, 2), resize=True)


def test_files_that_are_no_images(tmp_path):
    with pytest.raises(DataError, match=r"none\.png: no such file"):
        load_images([tmp_path / "none.png"], (5, 4, 1))
    with pytest.raises(DataError, match="not a readable image"):
        load_images([tmp_path], (5, 4, 1))
    for content in (b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 5\n"):
        (tmp_path / "x.png").write_bytes(content)
        with pytest.raises(DataError, match=r"x\.png: not an image of a known kind"):
            load_images([tmp_path / "x.png"], (5, 4, 1))


def test_an_image_cut_off_is_refused_unless_only_its_checksums_are_missing(tmp_path):
    whole = save(tmp_path / "x.png", COLOUR).read_bytes()
    for end in range(len(whole)):
        (tmp_path / "x.png").write_bytes(whole[:end])
        if end < len(whole) - 24:  # the last pixel's bits, then check sums and the end mark
            with pytest.raises(DataError, match=r"x\.png: not "):
                load_images([tmp_path / "x.png"], (5, 4, 3))
            continue
        try:
            found = load_images([tmp_path / "x.png"], (5, 4, 3))[0]
        except DataError:
            continue
        np.testing.assert_allclose(found, COLOUR / 255, rtol=1e-6)


def test_a_huge_image_is_refused_by_its_header(tmp_path):
    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    for side in (9_000, 60_000):
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        (tmp_path / "x.png").write_bytes(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0"))
        )
        with pytest.raises(DataError, match=r"x\.png: .*(limit|exceed)"):
            load_images([tmp_path / "x.png"], (5, 4, 1), resize=True)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "expected a folder for each class, found none"),
        (["a/0.png"], r"one class only \(a\)"),
        (["a/0.png", "b/0.txt"], "b: no images; files are known by"),
        (["train/a/0.png", "train/b/0.png"], "not both train/ and test/"),
        (["train/a/0.png", "train/b/0.png", "test/c/0.png"], "c: no such class; known: a, b"),
        (["a/0.png", "b/0.png"], "the test split would be empty"),
    ],
)
def test_layouts_that_cannot_be_read(tmp_path, files, message):
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(GREY).save(path, "png")
    for read in (ImageFolder(".").info, ImageFolder(".").load):
        with pytest.raises(DataError, match=message):
            read(tmp_path)


def test_missing_folder(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: no such folder"):
        ImageFolder("nowhere").load(tmp_path)

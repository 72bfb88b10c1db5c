"""Folders of image files: their layout, their sizes and colours, and damaged ones."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cnnrun.data import load_images
from cnnrun.data.checks.folders import survey_folder
from cnnrun.data.images import image_header
from cnnrun.data.recognition import recognise
from cnnrun.data.sources import ImageFolder
from cnnrun.errors import DataError
from cnnrun.runs.file_predictions import find_images

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


@pytest.mark.parametrize("validation", ["val", "valid", "validation", None])
def test_without_a_test_folder_a_part_of_train_is_held_out(tmp_path, validation):
    for name in ("cat", "dog"):
        for number in range(10):
            save(tmp_path / "train" / name / f"{number}.png", np.full((5, 4), number, np.uint8))
            if validation:
                save(tmp_path / validation / name / f"{number}.png", np.full((5, 4), 99, np.uint8))
    data = load(tmp_path, test_fraction=0.3)
    assert data.info.test_fraction == 0.3
    assert np.bincount(data.train.labels).tolist() == [7, 7]
    assert np.bincount(data.test.labels).tolist() == [3, 3]
    assert not set(data.train.files) & set(data.test.files)
    assert {name.split("/")[0] for name in data.train.files + data.test.files} == {"train"}
    if validation is None:
        assert data.val is None
        assert len(data.split("test")) == 20  # as other data: there are no splits
        return
    assert np.all(data.val.images == 99)
    assert len(data.val) == len(data.split("train")) == 20
    with pytest.raises(DataError, match="no test split of its own"):
        data.split("test")


def test_a_folder_with_a_test_split_holds_nothing_out(tmp_path):
    for split in ("train", "test"):
        for name in ("a", "b"):
            save(tmp_path / split / name / "0.png")
    assert load(tmp_path).info.test_fraction is None


def test_classes_are_in_natural_order(tmp_path):
    for name in ("10", "9", "grade 2", "grade 11", "Z", "a"):
        save(tmp_path / "train" / name / "0.png")
        save(tmp_path / "test" / name / "0.png")
    data = load(tmp_path)
    assert data.info.class_names == ("9", "10", "Z", "a", "grade 2", "grade 11")
    assert data.train.files[0] == "train/9/0.png"
    assert data.train.labels.tolist() == list(range(6))


def test_every_file_that_cannot_be_used_is_named(tmp_path):
    classes_of_ten(tmp_path)
    (tmp_path / "cat" / "3.png").write_bytes(b"hello")
    whole = (tmp_path / "dog" / "5.png").read_bytes()
    (tmp_path / "dog" / "5.png").write_bytes(whole[:45])
    for read in (ImageFolder(".").info, ImageFolder(".", 4, 1).load):
        with pytest.raises(DataError, match=r"2 of 20 image files cannot be used:\n") as refusal:
            read(tmp_path)
        first, second = sorted(str(refusal.value).split("\n")[1:])
        assert "3.png: not an image of a known kind" in first
        assert "5.png: not a readable image" in second
    for path in (tmp_path / "dog").iterdir():
        path.write_bytes(b"")
    (tmp_path / "cat" / "3.png").unlink()
    with pytest.raises(DataError, match=r"\n  .*7\.png: .*\n  .*8\.png") as refusal:
        ImageFolder(".", test_fraction=0.1).load(tmp_path)
    assert len(str(refusal.value).split("\n")) == 11
    (tmp_path / "cat" / "4.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"11 of 19 .*(\n  .*){10}\n  and 1 more$"):
        ImageFolder(".").load(tmp_path)


def test_a_header_is_read_once_unless_the_file_changes(tmp_path, monkeypatch):
    classes_of_ten(tmp_path)
    read = []

    def counted(file):
        read.append(file)
        return image_header(file)

    monkeypatch.setattr("cnnrun.data.image_files.image_header", counted)
    source = ImageFolder(str(tmp_path))
    source.info(tmp_path)
    source.load(tmp_path)
    assert len(read) == len(set(read)) == 20
    save(tmp_path / "cat" / "3.png", np.zeros((50, 40), np.uint8))
    with pytest.raises(DataError, match=r"2 sizes .*50x40 \(1, such as .*cat.3\.png"):
        source.load(tmp_path)
    assert len(read) == 21


def test_sizes_that_differ_are_counted(tmp_path):
    for number in range(9):
        save(tmp_path / "a" / f"{number}.png", np.zeros((5 + number // 3, 4), np.uint8))
        save(tmp_path / "b" / f"{number}.png", np.zeros((5, 4 + number), np.uint8))
    message = r"11 sizes .*: 5x4 \(4, such as .*a.0\.png\), 6x4 \(3, .* and 7 more; set size"
    with pytest.raises(DataError, match=message):
        ImageFolder(".").info(tmp_path)


BARS = np.repeat(np.array([[60, 60, 130, 130, 130, 130, 250, 250]], np.uint8), 4, 0)


@pytest.mark.parametrize(
    ("fit", "pixels"),
    [
        ("crop", np.full((4, 4), 130)),
        ("pad", [[0] * 4, [60, 130, 130, 250], [60, 130, 130, 250], [0] * 4]),
        ("stretch", [[60, 130, 130, 250]] * 4),
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_another_size_keeps_its_proportions_if_asked(tmp_path, fit, pixels, dtype):
    path = save(tmp_path / "x.png", BARS.astype(dtype))
    largest = np.iinfo(dtype).max
    scaled = load_images([path], (4, 4, 1), fit=fit)[0, ..., 0] * largest
    np.testing.assert_allclose(scaled, pixels, atol=29)  # bilinear: edges are soft
    for name in ("a", "b"):
        save(tmp_path / "train" / name / "0.png", BARS.astype(dtype))
        save(tmp_path / "test" / name / "0.png", BARS.astype(dtype))
    train = load(tmp_path, size=4, fit=fit).train
    np.testing.assert_allclose(train.images[1, ..., 0], scaled, rtol=1e-5)


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_a_thin_line_fits_any_size(tmp_path, fit):
    path = save(tmp_path / "x.png", np.full((1, 900), 255, np.uint8))
    assert load_images([path], (4, 4, 1), fit=fit).shape == (1, 4, 4, 1)


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
    with pytest.raises(DataError, match=r"3 sizes \(height x width\): 2x2 \(2, such as .*b.0\.png"):
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
    scaled = load_images([path, path], (5, 4, 1), fit="stretch")
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled, np.full((2, 5, 4, 1), 0.2), rtol=1e-6)
    with pytest.raises(DataError, match="1 or 3 channels, never 2"):
        load_images([path], (5, 4, 2), fit="stretch")


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
            load_images([tmp_path / "x.png"], (5, 4, 1), fit="stretch")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "expected a folder for each class, found none"),
        (["a/0.png"], r"one class only \(a\)"),
        (["a/0.png", "b/0.txt"], "b: no images; files are known by"),
        (["test/a/0.png", "val/b/0.png"], "has val/ and test/ with folders inside, but no train/"),
        (["train/a/0.png", "val/a/0.png", "valid/a/0.png"], "val/ and valid/, which all mean"),
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


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("Train", "Val", "Test"), ("training", "validation", "testing"), ("TRAIN", "dev", "TESTING")],
)
def test_splits_have_the_names_in_use(tmp_path, train, val, test):
    for number, split in enumerate((train, val, test)):
        for name in ("cat", "dog"):
            save(tmp_path / split / name / "0.png", np.full((5, 4), number, np.uint8))
    data = load(tmp_path)
    assert [int(split.images.max()) for split in (data.train, data.val, data.test)] == [0, 1, 2]
    assert [len(split) for split in (data.train, data.val, data.test)] == [2, 2, 2]
    assert data.info.notes == ()
    assert recognise(tmp_path).source == "image_folder"


def test_a_folder_that_looks_like_a_split_is_not_passed_over_in_silence(tmp_path):
    for split in ("train", "held_out", "masks", ".hidden"):
        for name in ("cat", "dog") if split != "masks" else ("outlines",):
            for number in range(10):
                save(tmp_path / split / name / f"{number}.png")
    assert [note.split(":")[0] for note in load(tmp_path).info.notes] == ["held_out/ is not read"]


def test_a_class_may_be_called_as_a_split_is(tmp_path):
    for name in ("car", "train"):
        for number in range(10):
            save(tmp_path / name / f"{number}.png")
    assert recognise(tmp_path).source == "image_folder"
    assert load(tmp_path).info.class_names == ("car", "train")


def test_what_editors_and_archives_leave_behind_is_no_image_of_any_reader(tmp_path):
    for name in ("cat", "dog"):
        for number in range(10):
            save(tmp_path / name / f"{number}.png")
    for left in ("__MACOSX/cat/._0.png", ".thumbs/cat/0.png", "dog/.ipynb_checkpoints/0.png"):
        (tmp_path / left).parent.mkdir(parents=True)
        (tmp_path / left).write_bytes(b"no image")
    assert recognise(tmp_path).source == "image_folder"
    assert load(tmp_path).info.class_names == ("cat", "dog")
    assert len(find_images([tmp_path])) == len(survey_folder(tmp_path, decode=True).headers) == 20
    assert survey_folder(tmp_path, decode=True).broken == {}

"""Image files of 8 and 16 bits, of grey and colour in one folder, and photographs on their side."""

from __future__ import annotations

import hashlib
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cnnrun.data import load_images
from cnnrun.data.images import image_header, read_image
from cnnrun.data.sources import ImageFolder
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)
SHALLOW = RNG.integers(0, 256, (5, 4), np.uint8)
DEEP = RNG.integers(0, 4096, (5, 4), np.uint16)
COLOUR = RNG.integers(0, 256, (5, 4, 3), np.uint8)
ORIENTATION = 0x0112


def folder(tmp_path, first, second, kind="png"):
    """Write two classes of two images each, `first` being the file that sorts first."""
    for split in ("train", "test"):
        for name, pixels in (("a", first), ("b", second)):
            (tmp_path / split / name).mkdir(parents=True, exist_ok=True)
            image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
            image.save(tmp_path / split / name / f"0.{kind}")
    return tmp_path


def load(tmp_path, **options):
    source = ImageFolder(".", **options)
    data = source.load(tmp_path)
    assert source.info(tmp_path) == data.info
    return data


@pytest.mark.parametrize("kind", ["png", "tiff"])
@pytest.mark.parametrize("maximum", [65_535, 4095])
def test_sixteen_bits_of_grey_are_kept(tmp_path, kind, maximum):
    data = load(folder(tmp_path, DEEP, DEEP.T.reshape(5, 4), kind), maximum=maximum)
    for split in (data.train, data.test):
        assert split.images.dtype == np.uint16
        assert split.maximum == maximum
        np.testing.assert_array_equal(split.images[0, ..., 0], DEEP)
    file = tmp_path / "train" / "a" / f"0.{kind}"
    scaled = load_images([file], (5, 4, 1), maximum=maximum)[0, ..., 0]
    np.testing.assert_array_equal(scaled, DEEP / np.float32(maximum))


def test_eight_bits_among_sixteen_lose_nothing(tmp_path):
    train = load(folder(tmp_path, SHALLOW, DEEP)).train
    np.testing.assert_array_equal(train.images[0, ..., 0], SHALLOW * np.uint16(257))
    np.testing.assert_array_equal(train.images[1, ..., 0], DEEP)
    alone = load_images([tmp_path / "train/a/0.png"], (5, 4, 1))[0]
    np.testing.assert_array_equal(train.images[0] / np.float32(train.maximum), alone)


def test_eight_bits_among_sixteen_of_another_maximum_are_refused(tmp_path):
    folder(tmp_path, SHALLOW, DEEP)
    with pytest.raises(DataError, match=r"a.0\.png has 8 bits a channel and .*b.0\.png has 16"):
        ImageFolder(".", maximum=4095).load(tmp_path)


def test_a_pixel_above_the_maximum_is_refused(tmp_path):
    folder(tmp_path, DEEP, np.full((5, 4), 5000, np.uint16))
    with pytest.raises(DataError, match=r"b.0\.png: its pixels reach 5000; .* between 0 and 4095"):
        ImageFolder(".", maximum=4095).load(tmp_path)


def test_sixteen_bits_are_scaled_to_another_size(tmp_path):
    folder(tmp_path, np.full((10, 8), 703, np.uint16), np.full((3, 3), 40_001, np.uint16))
    train = load(tmp_path, size=(5, 4)).train
    assert [np.unique(image).tolist() for image in train.images] == [[703], [40_001]]


def test_sixteen_bits_of_grey_beside_colours(tmp_path):
    train = load(folder(tmp_path, DEEP, COLOUR)).train
    np.testing.assert_array_equal(train.images[0], np.repeat(DEEP[..., None], 3, 2))
    np.testing.assert_array_equal(train.images[1], COLOUR * np.uint16(257))


@pytest.mark.parametrize(
    "colours",
    [
        Image.fromarray(COLOUR),
        Image.fromarray(COLOUR).quantize(8),
        Image.fromarray(np.dstack([COLOUR, SHALLOW])),
        Image.fromarray(np.dstack([COLOUR, SHALLOW]), "CMYK"),
    ],
    ids=lambda image: image.mode,
)
def test_any_colour_makes_a_folder_colour(tmp_path, colours):
    data = load(folder(tmp_path, SHALLOW, colours, "tiff"))
    assert data.info.image_shape == (5, 4, 3)
    np.testing.assert_array_equal(data.train.images[0], np.repeat(SHALLOW[..., None], 3, 2))
    np.testing.assert_array_equal(data.train.images[1], np.asarray(colours.convert("RGB")))
    assert load(tmp_path, channels=1).info.image_shape == (5, 4, 1)


def test_a_colour_in_the_test_split_alone_counts(tmp_path):
    folder(tmp_path, SHALLOW, SHALLOW)
    Image.fromarray(COLOUR).save(tmp_path / "test" / "b" / "1.png")
    assert load(tmp_path).info.image_shape == (5, 4, 3)


@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_as_exif_says(tmp_path, kind, orientation):
    upright = np.zeros((16, 32), np.uint8)
    upright[:8, :16], upright[8:, 16:] = 200, 100
    turns = {2: np.fliplr, 3: lambda x: x[::-1, ::-1], 4: np.flipud, 5: np.transpose,
             6: np.rot90, 7: lambda x: x[::-1, ::-1].T, 8: lambda x: np.rot90(x, -1)}  # fmt: skip
    stored = turns.get(orientation, np.asarray)(upright)  # by its inverse
    path = tmp_path / f"x.{kind}"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    assert image_header(path)[:2] == (16, 32)
    pixels = load_images([path], (16, 32, 1))[0, ..., 0] * 255
    np.testing.assert_allclose(pixels, upright, atol=8)


@pytest.mark.parametrize("kind", ["png", "tiff", "gif", "bmp", "jpeg"])
@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_every_mode_of_a_file_is_read_as_it_is_seen(tmp_path, mode, kind):
    path = tmp_path / f"x.{kind}"
    colours = Image.fromarray(COLOUR)
    image = colours.convert("L").convert(mode) if mode == "LA" else colours.convert(mode)
    try:
        image.save(path)
    except (OSError, ValueError):
        pytest.skip(f"a {kind} file cannot hold {mode}")
    with Image.open(path) as stored:
        seen = np.asarray(stored.convert("RGB"))
        grey = np.asarray(stored.convert("L"))
    np.testing.assert_array_equal(read_image(path, (5, 4, 3)), seen)
    np.testing.assert_array_equal(read_image(path, (5, 4, 1))[..., 0], grey)
    if kind != "gif":  # which has palettes alone
        assert image_header(path).channels == (1 if mode in ("1", "L", "LA") else 3)


def test_what_is_transparent_keeps_its_colour(tmp_path):
    transparent = np.dstack([COLOUR, np.zeros((5, 4), np.uint8)])
    Image.fromarray(transparent).save(tmp_path / "x.png")
    np.testing.assert_array_equal(read_image(tmp_path / "x.png", (5, 4, 3)), COLOUR)


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (6, 4)])
def test_of_colours_of_16_bits_the_upper_8_are_read(tmp_path, colour, channels):
    pixels = RNG.integers(0, 65_536, (5, 4, channels)).astype(">u2")
    path = tmp_path / "x.png"

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 4, 5, 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    np.testing.assert_array_equal(read_image(path, (5, 4, 3)), pixels[..., :3] >> 8)
    with pytest.raises(DataError, match=r"x\.png: colours of 16 bits a channel.* maximum of 4095"):
        read_image(path, (5, 4, 3), maximum=4095)


def test_damaged_exif_is_no_orientation(tmp_path):
    path = tmp_path / "x.png"
    Image.fromarray(SHALLOW).save(path, exif=b"Exif\0\0II*\0\xff\xff")
    np.testing.assert_allclose(load_images([path], (5, 4, 1))[0, ..., 0] * 255, SHALLOW, rtol=1e-6)


def test_eight_bit_folders_are_what_they_were(tmp_path):
    """Whoever trained on one goes on with the same bits: digests do not change."""
    data = load(folder(tmp_path, SHALLOW, SHALLOW[::-1]))
    digest = hashlib.sha256()
    for _ in range(2):  # training and test split
        images = np.stack([SHALLOW, SHALLOW[::-1]])[..., None]
        for array in (images, np.array([0, 1], np.int64)):
            digest.update(f"{array.dtype.str}{array.shape}".encode() + array.tobytes())
    assert data.sha256() == digest.hexdigest()
    assert data.train.maximum == 255

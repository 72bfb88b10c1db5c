"""Large sets stay on the disk, and are the same sets as in memory."""

from __future__ import annotations

import gzip
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnrun.data import kept as kept_module
from cnnrun.data import rows as rows_module
from cnnrun.data.kept import kept
from cnnrun.data.npz_file import NpzFile
from cnnrun.data.rows import Chosen, FileRows
from cnnrun.data.sources import Csv, Idx, ImageFolder, ImagePairs, Npz, idx, npz
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (24, 6, 5, 3), np.uint8)
LABELS = np.arange(24) % 2


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache, and a limit above which the sets of these tests are large."""
    monkeypatch.setenv("CNNRUN_DATA", str(tmp_path / "cache"))
    for module in (kept_module, rows_module, npz, idx):
        monkeypatch.setattr(module, "LARGE", 500)
    return tmp_path / "cache" / "decoded"


def idx_bytes(array):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_idx(folder, grey, pack):
    folder.mkdir()
    for split in ("train", "t10k"):
        suffix = "" if pack is bytes else ".gz"
        images, labels = f"{split}-images-idx3-ubyte", f"{split}-labels-idx1-ubyte"
        (folder / (images + suffix)).write_bytes(pack(idx_bytes(grey)))
        (folder / (labels + suffix)).write_bytes(pack(idx_bytes(LABELS.astype(np.uint8))))


def write_pictures(folder, names):
    for number, (name, pixels) in enumerate(zip(names, PIXELS, strict=True)):
        file = folder / name / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)


def sources(folder):
    """Yield every source that may be large, with whether its files need decoding."""
    both = {"train_images": PIXELS, "train_labels": LABELS, "test_images": PIXELS[::2]}
    arrays = {**both, "test_labels": LABELS[::2]}
    np.savez(folder / "stored.npz", **arrays)
    np.savez_compressed(folder / "deflated.npz", **arrays)
    grey = {**arrays, "train_images": PIXELS[..., 0].copy(), "test_images": PIXELS[::2, ..., 0]}
    np.savez(folder / "grey.npz", **grey)
    fortran = {**arrays, "train_images": np.asfortranarray(PIXELS)}
    np.savez_compressed(folder / "fortran.npz", **fortran)
    floats = {**arrays, "train_images": PIXELS / 255.0, "test_images": PIXELS[::2] / 255.0}
    np.savez(folder / "floats.npz", **floats)
    whole = {"images": PIXELS.transpose(0, 3, 1, 2), "labels": LABELS}
    np.savez(folder / "whole.npz", **whole)
    masks = {"train_images": PIXELS, "train_labels": PIXELS[..., :1] > 99}
    np.savez(folder / "masks.npz", **masks, test_images=PIXELS, test_labels=PIXELS[..., 1:2] > 9)
    write_idx(folder / "plain", PIXELS[..., 0].copy(), bytes)
    write_idx(folder / "packed", PIXELS[..., 0].copy(), gzip.compress)
    write_pictures(folder / "pictures", [f"c{label}" for label in LABELS])
    write_pictures(folder / "pairs", ["inputs"] * 12 + ["targets"] * 12)
    for number, file in enumerate(sorted((folder / "pairs/targets").iterdir())):
        inputs = sorted((folder / "pairs/inputs").iterdir())
        file.rename(file.with_name(inputs[number].name))
    listing = [f"pictures/c{n % 2}/{n}.png,c{n % 2}" for n in range(24)]
    (folder / "listed.csv").write_text("\n".join(["file,label", *listing, listing[3]]))
    yield Npz("stored.npz"), False
    yield Npz("grey.npz"), False
    yield Npz("deflated.npz"), True
    yield Npz("fortran.npz"), True
    yield Npz("floats.npz"), True
    yield Npz("whole.npz", axes="NCHW"), True
    yield Npz("stored.npz", range=(3, 90)), True
    yield Npz("masks.npz", task="image"), True
    yield Idx("plain"), False
    yield Idx("plain", transpose=True), True
    yield Idx("packed"), True
    yield ImageFolder("pictures"), True
    yield ImagePairs("pairs"), True
    yield Csv("listed.csv"), True


def test_every_source_gives_the_same_set_from_the_disk(tmp_path, monkeypatch, request):
    every = list(sources(tmp_path))
    expected = [source.load(tmp_path) for source, _ in every]
    assert all(isinstance(data.train.images, np.ndarray) for data in expected)
    cache = request.getfixturevalue("cache")
    for (source, is_decoded), small in zip(every, expected, strict=True):
        large = source.load(tmp_path)
        assert isinstance(large.train.images, FileRows | Chosen), source
        assert large.sha256() == small.sha256(), source
        assert large.train.files == small.train.files
        files = list(cache.glob("*.rows")) if cache.exists() else []
        assert bool(files) == is_decoded, source
        times = {file: file.stat().st_mtime_ns for file in files}
        assert source.load(tmp_path).sha256() == small.sha256()  # from the cache
        assert {file: file.stat().st_mtime_ns for file in cache.glob("*.rows")} == times
        for file in files:
            file.unlink()


def test_a_file_that_has_changed_is_decoded_again(tmp_path, cache):
    path = tmp_path / "x.npz"
    for pixels in (PIXELS, PIXELS[::-1]):
        np.savez_compressed(path, images=pixels, labels=LABELS)
        os.utime(path, ns=(1, int(pixels[0, 0, 0, 0])))
        data = Npz("x.npz").load(tmp_path)
        whole = np.concatenate([data.train.images, data.test.images])
        order = np.concatenate([data.train.images.numbers, data.test.images.numbers])
        np.testing.assert_array_equal(whole, pixels[order])
    assert len(list(cache.glob("*.rows"))) == 2


def test_what_is_wrong_in_a_large_file_is_told_with_its_place(tmp_path, cache):
    floats = PIXELS / 255.0
    floats[17, 2, 3, 1] = 1.5
    np.savez(tmp_path / "x.npz", images=floats, labels=LABELS)
    with pytest.raises(DataError, match=r"images\[17, 2, 3, 1\] is 1.5; pixels of float64 lie"):
        Npz("x.npz").load(tmp_path)
    assert not list(cache.glob("*.rows"))
    assert not list(cache.glob("*.part"))


def test_a_cache_that_cannot_be_written_is_named(tmp_path, cache):
    np.savez_compressed(tmp_path / "x.npz", images=PIXELS, labels=LABELS)
    cache.parent.write_text("a file")
    with pytest.raises(DataError, match=r"cache/decoded: cannot be written to .*CNNRUN_DATA"):
        Npz("x.npz").load(tmp_path)


def test_half_a_file_of_the_cache_is_not_used(tmp_path, cache):
    kept(iter([PIXELS[:20], PIXELS[20:]]), 24, ["it"])
    (file,) = cache.glob("*.rows")
    file.write_bytes(file.read_bytes()[:-1])
    again = kept(iter([PIXELS[:20], PIXELS[20:]]), 24, ["it"])
    np.testing.assert_array_equal(again[:], PIXELS)


def test_the_rows_of_a_member_begin_where_its_bytes_do(tmp_path):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in (("a", PIXELS[:3]), ("b", PIXELS)):
            info = zipfile.ZipInfo(f"{key}.npy")
            info.extra = b"\xfe\xca\x04\x00four"
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array)
    np.testing.assert_array_equal(NpzFile(path).rows("b")[:], PIXELS)
    assert Path(NpzFile(path).rows("a").path) == path

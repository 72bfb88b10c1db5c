"""The bundled digits are the right ones, complete, and what their README says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

import cnnrun.data
from cnnrun.data import DATASETS

BUNDLED = Path(cnnrun.data.__file__).parent / "bundled"
NAMES = ["mnist5k", "digits"]


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_the_one_the_readme_describes(name):
    file = BUNDLED / f"{name}.npz"
    row = next(
        line
        for line in (BUNDLED / "README.md").read_text("utf-8").splitlines()
        if line.startswith(f"| `{file.name}`")
    )
    assert hashlib.sha256(file.read_bytes()).hexdigest() in row
    assert f"{file.stat().st_size:,}" in row


@pytest.mark.parametrize("name", NAMES)
def test_info_tells_what_loading_gives(name, tmp_path):
    source = DATASETS.get(name)()
    info, data = source.info(tmp_path), source.load(tmp_path)
    assert data.info == info
    assert data.train.images.shape == (info.train_samples, *info.image_shape)
    assert data.test.images.shape == (info.test_samples, *info.image_shape)
    for split in (data.train, data.test):
        assert split.images.dtype == np.uint8
        assert split.labels.dtype == np.int64
        assert split.images.min() == 0
        assert split.images.max() == split.maximum
    assert data.val is None


def test_mnist5k_has_400_and_100_of_each_class():
    data = DATASETS.get("mnist5k")().load(Path())
    assert np.bincount(data.train.labels).tolist() == [400] * 10
    assert np.bincount(data.test.labels).tolist() == [100] * 10


def test_digits_are_split_alike_in_every_class():
    data = DATASETS.get("digits")().load(Path())
    train, test = np.bincount(data.train.labels), np.bincount(data.test.labels)
    assert (train + test).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.all(np.abs(test - 0.2 * (train + test)) <= 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_no_test_image_is_a_training_image(name):
    data = DATASETS.get(name)().load(Path())
    train = {image.tobytes() for image in data.train.images}
    shared = sum(image.tobytes() in train for image in data.test.images)
    assert shared == 0


def test_digest_follows_the_content_and_nothing_else():
    source = DATASETS.get("digits")()
    one, two = source.load(Path()), source.load(Path())
    assert one.sha256() == two.sha256()
    two.test.images[0, 0, 0, 0] ^= 1
    assert one.sha256() != two.sha256()

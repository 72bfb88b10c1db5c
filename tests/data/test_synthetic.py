"""Made-up images: as declared, repeatable, and learnable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnnrun.data.sources import Synthetic
from cnnrun.errors import DataError


def test_made_as_declared():
    source = Synthetic((5, 7, 2), classes=3, train_samples=20, test_samples=8, seed=4)
    data = source.load(Path())
    assert data.info == source.info(Path())
    assert data.train.images.shape == (20, 5, 7, 2)
    assert data.test.images.shape == (8, 5, 7, 2)
    assert data.train.images.dtype == np.uint8
    assert set(data.train.labels.tolist()) == {0, 1, 2}
    assert data.info.classes == 3


def test_the_seed_decides():
    digests = {Synthetic((4, 4, 1), seed=seed).load(Path()).sha256() for seed in (0, 0, 1)}
    assert len(digests) == 2


def test_the_nearest_class_mean_recognises_the_test_images():
    data = Synthetic((8, 8, 1)).load(Path())
    train = data.train.images.reshape(len(data.train), -1).astype(float)
    test = data.test.images.reshape(len(data.test), -1).astype(float)
    means = np.stack([train[data.train.labels == label].mean(0) for label in range(10)])
    nearest = np.argmin(((test[:, None] - means) ** 2).sum(2), axis=1)
    assert np.mean(nearest == data.test.labels) > 0.95


def test_too_large_is_refused():
    with pytest.raises(DataError, match="8 GiB"):
        Synthetic((10_000, 10_000, 3)).load(Path())

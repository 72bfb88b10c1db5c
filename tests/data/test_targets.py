"""Targets that are no labels: inputs before they were corrupted, other images, numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from given import Given

from cnnrun.data import DataOptions, Dataset, DatasetInfo, Split, prepare
from cnnrun.data.sources import Synthetic
from cnnrun.data.transforms import (
    Crop,
    GaussianNoise,
    HorizontalFlip,
    Rotate,
    Shift,
    VerticalFlip,
    Zoom,
)
from cnnrun.errors import DataError

SOURCE = Synthetic((6, 5, 2), classes=4, train_samples=40, test_samples=12)
HERE = Path()


def test_corrupted_inputs_have_clean_targets_also_when_measured():
    noise = (GaussianNoise(std=0.2),)
    options = DataOptions(SOURCE, augment=(HorizontalFlip(),), corrupt=noise, targets="inputs")
    clean = DataOptions(SOURCE, augment=(HorizontalFlip(),), targets="inputs")
    indices = np.arange(6)
    for epoch in (None, 0, 1):
        corrupted, targets = prepare(options, 3, HERE).train.batch(indices, seed=3, epoch=epoch)
        expected, _ = prepare(clean, 3, HERE).train.batch(indices, seed=3, epoch=epoch)
        np.testing.assert_array_equal(targets, expected)
        assert (np.abs(corrupted - targets).reshape(6, -1).max(axis=1) > 0.05).all()
    one, other = (prepare(options, seed, HERE).test for seed in (3, 4))
    np.testing.assert_array_equal(one.batch(indices)[0], one.batch(indices)[0])
    np.testing.assert_array_equal(one.batch(indices)[0][2:3], one.batch(indices[2:3])[0])
    assert not np.array_equal(one.batch(indices)[0], other.batch(indices)[0])


def test_a_corrupted_input_keeps_its_label():
    options = DataOptions(SOURCE, corrupt=(GaussianNoise(std=0.2),))
    samples = prepare(options, 0, HERE).test
    np.testing.assert_array_equal(samples.batch(np.arange(9))[1], samples.labels[:9])


def image_pairs(height=6, target=(6, 5, 1)):
    """Images whose targets are their first channel, brighter by 3."""
    images = np.random.default_rng(0).integers(0, 200, (8, height, 5, 2), np.uint8)
    targets = np.zeros((8, *target), np.uint8)
    targets[:, :, :] = images[:, : target[0], :, :1] + 3
    info = DatasetInfo("pairs", images.shape[1:], (), task="image", target_shape=target)
    split = Split(images, targets)
    return Given(Dataset(info, split, split))


@pytest.mark.parametrize(
    "transform", [HorizontalFlip(), VerticalFlip(), Shift(2), Crop(2), Rotate(40.0), Zoom(0.4)]
)
def test_images_to_be_learnt_move_with_their_inputs(transform):
    noise = GaussianNoise(std=0.2)  # takes random numbers, and changes the input alone
    data = DataOptions(image_pairs(), normalize="none", augment=(transform, transform))
    noisy = DataOptions(image_pairs(), normalize="none", augment=(transform, noise, transform))
    indices = np.arange(6)
    x, y = prepare(data, 0, HERE).train.batch(indices, seed=1, epoch=2)
    inside = y > 0.25
    assert y.shape == (6, 6, 5, 1)
    assert inside.any()
    np.testing.assert_allclose(y[inside], (x[..., :1] + 3 / 255)[inside], atol=0.005)
    assert not np.array_equal(y, prepare(data, 0, HERE).train.batch(indices)[1])
    other_x, other_y = prepare(noisy, 0, HERE).train.batch(indices, seed=1, epoch=2)
    assert other_y.max() <= 203 / 255 + 1e-6  # no noise in it
    assert other_x.shape == x.shape


def test_pixels_of_targets_of_another_size_cannot_move_along():
    pairs = image_pairs(target=(3, 5, 1))
    with pytest.raises(DataError, match=r"augment: shift would move inputs of 6x5 .* of 3x5"):
        prepare(DataOptions(pairs, augment=(Shift(1), GaussianNoise())), 0, HERE)
    prepare(DataOptions(pairs, augment=(GaussianNoise(),)), 0, HERE)


def test_numbers_of_a_regression_follow_the_dtype():
    split = Split(np.zeros((4, 3, 3, 1), np.uint8), np.linspace(-1, 1, 8).reshape(4, 2))
    info = DatasetInfo("ages", (3, 3, 1), ("age", "weight"), task="regression")
    data = prepare(DataOptions(Given(Dataset(info, split, split)), validation=0.5), 0, HERE)
    assert data.task == data.test.task == "regression"
    targets = data.test.batch(np.arange(2))[1]
    assert targets.dtype == np.float32
    np.testing.assert_allclose(targets, split.labels[:2], rtol=1e-6)

"""Splits, normalisation, batches and order: what derives from what, and from nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from given import Given
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnrun.data import (
    DATASETS,
    DataOptions,
    Dataset,
    DatasetInfo,
    Split,
    Statistics,
    epoch_order,
    prepare,
)
from cnnrun.data.sources import Npz, Synthetic
from cnnrun.data.splitting import stratified_split
from cnnrun.data.transforms import GaussianNoise, HorizontalFlip, Rotate, Shift, Transform
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)
SOURCE = Synthetic((6, 5, 2), classes=4, train_samples=40, test_samples=12)
HERE = Path()


def given_set(train, val=None, test=None, classes=2):
    info = DatasetInfo("given", train.images.shape[1:], tuple("abcdef")[:classes])
    return Given(Dataset(info, train, train if test is None else test, val))


def split_of(images, labels=None):
    return Split(images, np.arange(len(images)) % 2 if labels is None else labels)


def test_the_validation_split_is_stratified_disjoint_and_seeded():
    one = prepare(DataOptions(SOURCE, validation=0.2), 0, HERE)
    assert np.bincount(one.train.labels).tolist() == [8] * 4
    assert np.bincount(one.val.labels).tolist() == [2] * 4
    parts = [split.split.images.reshape(len(split), -1) for split in (one.train, one.val)]
    whole = SOURCE.load(HERE).train.images.reshape(40, -1)
    together = np.concatenate(parts)
    assert sorted(map(bytes, together)) == sorted(map(bytes, whole))
    again = prepare(DataOptions(SOURCE, validation=0.2), 0, HERE)
    other = prepare(DataOptions(SOURCE, validation=0.2), 1, HERE)
    np.testing.assert_array_equal(one.val.split.images, again.val.split.images)
    assert not np.array_equal(one.val.split.images, other.val.split.images)
    assert one.sha256 == other.sha256  # the digest is of the data set, not of its parts


@settings(max_examples=40, deadline=None)
@given(
    labels=st.lists(st.integers(0, 5), min_size=2, max_size=60),
    fraction=st.floats(0, 0.999),
    seed=st.integers(0, 100),
)
def test_a_split_leaves_no_class_without_a_sample(labels, fraction, seed):
    labels = np.array(labels)
    counts = {label: np.count_nonzero(labels == label) for label in set(labels.tolist())}
    expected = {label: min(round(fraction * n), n - 1) for label, n in counts.items()}
    if not any(expected.values()):
        with pytest.raises(DataError, match="it would be empty"):
            stratified_split(labels, fraction, seed, "it")
        return
    kept, held = stratified_split(labels, fraction, seed, "it")
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert set(labels[kept]) == set(labels)
    assert {label: np.count_nonzero(labels[held] == label) for label in counts} == expected


def test_no_validation_split():
    data = prepare(DataOptions(SOURCE, validation=0.0), 0, HERE)
    assert data.val is None
    assert len(data.train) == 40
    with pytest.raises(DataError, match="no val split"):
        data.samples("val")
    with pytest.raises(DataError, match="no other split"):
        data.samples("other")
    assert data.samples("test") is data.test


def test_a_validation_split_of_its_own_is_kept():
    train, val = (split_of(RNG.integers(0, 256, (n, 2, 2, 1), np.uint8)) for n in (10, 4))
    data = prepare(DataOptions(given_set(train, val), validation=0.5), 0, HERE)
    assert (len(data.train), len(data.val)) == (10, 4)


def test_empty_splits_are_refused():
    full, none = (split_of(np.zeros((n, 2, 2, 1), np.uint8)) for n in (4, 0))
    for source, name in ((given_set(none), "train"), (given_set(full, test=none), "test")):
        with pytest.raises(DataError, match=f"given: the {name} split is empty"):
            prepare(DataOptions(source), 0, HERE)


def test_a_validation_split_that_would_be_empty_is_refused():
    with pytest.raises(DataError, match="the validation split would be empty"):
        prepare(DataOptions(SOURCE, validation=0.01), 0, HERE)


def test_statistics_come_from_what_is_left_for_training():
    data = prepare(DataOptions(SOURCE, validation=0.3), 0, HERE)
    pixels = data.train.split.images / 255.0
    np.testing.assert_allclose(data.statistics.mean, pixels.mean((0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(data.statistics.std, pixels.std((0, 1, 2)), rtol=1e-9)
    images, _ = data.train.batch(np.arange(len(data.train)))
    np.testing.assert_allclose(images.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(images.std((0, 1, 2)), 1, atol=1e-5)


def test_statistics_over_more_than_one_piece_of_a_large_split():
    images = RNG.random((600, 3, 3, 1), dtype=np.float32)
    source = given_set(Split(images, np.arange(600) % 2, 1.0))
    statistics = prepare(DataOptions(source, validation=0.0), 0, HERE).statistics
    assert statistics.mean[0] == pytest.approx(images.mean(dtype=np.float64), rel=1e-6)
    assert statistics.std[0] == pytest.approx(images.std(dtype=np.float64), rel=1e-6)


@pytest.mark.parametrize(("normalize", "low", "high"), [("none", 0, 1), ("centered", -1, 1)])
def test_fixed_normalisations(normalize, low, high):
    pixels = np.array([0, 255], np.uint8).reshape(2, 1, 1, 1)
    data = prepare(DataOptions(given_set(split_of(pixels)), 0.0, normalize), 0, HERE)
    assert data.test.batch(np.arange(2))[0].ravel().tolist() == [low, high]


def test_a_channel_of_one_value_stays_finite():
    source = given_set(split_of(np.full((4, 2, 2, 1), 9, np.uint8)))
    images, _ = prepare(DataOptions(source, 0.0), 0, HERE).train.batch(np.arange(4))
    np.testing.assert_allclose(images, 0, atol=1e-6)


def test_the_greys_of_digits_reach_one():
    data = prepare(DataOptions(DATASETS.get("digits")(), normalize="none"), 0, HERE)
    images, labels = data.test.batch(np.arange(50))
    assert images.max() == 1
    assert labels.dtype == np.int64


def test_statistics_survive_json_and_serve_other_data():
    first = prepare(DataOptions(SOURCE), 0, HERE)
    statistics = Statistics.from_json(json.loads(json.dumps(first.statistics.to_json())))
    assert statistics == first.statistics
    other = Synthetic((6, 5, 2), seed=1)
    assert prepare(DataOptions(other), 0, HERE, statistics=statistics).statistics == statistics
    with pytest.raises(DataError, match="3 channels, the trained network's had 2"):
        prepare(DataOptions(Synthetic((6, 5, 3))), 0, HERE, statistics=statistics)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batches_are_contiguous_of_the_dtype_asked_for_and_leave_the_data_alone(dtype):
    data = prepare(DataOptions(SOURCE, augment=(Shift(), HorizontalFlip(1.0))), 0, HERE)
    before = data.train.split.images.copy()
    images, labels = data.train.batch(np.array([3, 1, 3]), epoch=0, dtype=dtype)
    assert images.shape == (3, 6, 5, 2)
    assert images.dtype == dtype
    assert images.flags.c_contiguous
    np.testing.assert_array_equal(labels, data.train.labels[[3, 1, 3]])
    np.testing.assert_array_equal(images[0], images[2])
    np.testing.assert_array_equal(data.train.split.images, before)


def test_several_labels_follow_the_dtype():
    labels = RNG.integers(0, 2, (6, 3)).astype(np.float32)
    source = given_set(split_of(np.zeros((6, 2, 2, 1), np.uint8), labels), classes=3)
    data = prepare(DataOptions(source, validation=0.5), 0, HERE)
    assert (len(data.train), len(data.val)) == (3, 3)
    assert data.test.batch(np.arange(6), dtype=np.float64)[1].dtype == np.float64


def test_inputs_as_targets():
    options = DataOptions(SOURCE, augment=(GaussianNoise(),), targets="inputs")
    data = prepare(options, 0, HERE)
    for samples in (data.train, data.val, data.test):
        images, targets = samples.batch(np.arange(3), epoch=1)
        np.testing.assert_array_equal(images, targets)


AUGMENT = (Shift(), HorizontalFlip(), Rotate(), GaussianNoise())


def test_augmentation_derives_from_seed_epoch_and_index_alone():
    train = prepare(DataOptions(SOURCE, augment=AUGMENT), 0, HERE).train
    whole, _ = train.batch(np.arange(len(train)), seed=5, epoch=2)
    for indices in ([0], [7, 3], [30, 7, 0, 12]):
        part, _ = train.batch(np.array(indices), seed=5, epoch=2)
        np.testing.assert_array_equal(part, whole[indices])
    for seed, epoch in ((5, 3), (6, 2), (2, 5)):
        other, _ = train.batch(np.arange(len(train)), seed=seed, epoch=epoch)
        assert not any(np.array_equal(a, b) for a, b in zip(other, whole, strict=True))


def test_every_image_of_an_epoch_is_augmented_by_itself():
    alike = split_of(np.full((20, 6, 5, 2), 128, np.uint8))
    train = prepare(
        DataOptions(given_set(alike), validation=0, augment=(GaussianNoise(),)), 0, HERE
    ).train
    images, _ = train.batch(np.arange(20), seed=5, epoch=2)
    assert len({image.tobytes() for image in images}) == 20


def test_only_training_images_are_augmented_and_only_in_an_epoch():
    data = prepare(DataOptions(SOURCE, augment=AUGMENT, normalize="none"), 0, HERE)
    for samples in (data.val, data.test):
        some = np.arange(3)
        np.testing.assert_array_equal(samples.batch(some, epoch=1)[0], samples.batch(some)[0])
    plain, _ = data.train.batch(np.arange(3))
    np.testing.assert_allclose(plain * 255, data.train.split.images[:3], rtol=1e-6)
    assert not np.array_equal(data.train.batch(np.arange(3), epoch=1)[0], plain)


def test_transforms_are_applied_in_order():
    @dataclass(frozen=True)
    class Half(Transform):
        def apply(self, image, rng):
            return image / 2

    @dataclass(frozen=True)
    class Blank(Transform):
        def apply(self, image, rng):
            return np.where(image > 0.4, 0, image).astype(image.dtype)

    pixels = np.full((2, 1, 1, 1), 0.6, np.float32)
    source = given_set(Split(pixels, np.arange(2), 1.0))
    for augment, expected in (((Half(), Blank()), 0.3), ((Blank(), Half()), 0.0)):
        train = prepare(DataOptions(source, 0.0, "none", augment), 0, HERE).train
        np.testing.assert_allclose(train.batch(np.arange(2), epoch=0)[0], expected)


def test_a_transform_that_changes_the_shape_is_named():
    @dataclass(frozen=True)
    class Thin(Transform):
        type_name = "thin"

        def apply(self, image, rng):
            return image[:1]

    train = prepare(DataOptions(SOURCE, augment=(Thin(),)), 0, HERE).train
    with pytest.raises(
        DataError, match=r"thin made an image of shape \(1, 5, 2\) out of \(6, 5, 2\)"
    ):
        train.batch(np.arange(2), epoch=0)


def test_the_order_of_an_epoch():
    order = epoch_order(50, 1, 2)
    assert sorted(order.tolist()) == list(range(50))
    np.testing.assert_array_equal(order, epoch_order(50, 1, 2))
    assert not np.array_equal(order, epoch_order(50, 1, 3))
    assert not np.array_equal(order, epoch_order(50, 2, 2))


def test_paths_are_relative_to_the_base(tmp_path, monkeypatch):
    images = RNG.integers(0, 256, (8, 2, 2), np.uint8)
    (tmp_path / "sub").mkdir()
    np.savez(tmp_path / "sub" / "x.npz", images=images, labels=np.arange(8) % 2)
    monkeypatch.chdir(tmp_path / "sub")
    source = Npz("sub/x.npz", test_fraction=0.25)
    assert len(prepare(DataOptions(source, validation=0.0), 0, tmp_path).train) == 6
    with pytest.raises(DataError, match="no such file"):
        prepare(DataOptions(source), 0, tmp_path / "sub")


def test_importing_the_package_loads_no_pillow():
    code = "import sys, cnnrun.data; print(any(m.split('.')[0] == 'PIL' for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_public_names_exist():
    import cnnrun.data

    assert all(hasattr(cnnrun.data, name) for name in cnnrun.data.__all__)

"""The picture of a data set: which samples are drawn, where, and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from given import Given

from cnnrun.data import DataOptions, Dataset, DatasetInfo, Split, prepare
from cnnrun.data.contact_sheet import GAP, _groups, _rows, contact_sheet
from cnnrun.data.transforms import HorizontalFlip
from cnnrun.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (60, 16, 8, 3), np.uint8)


def prepared(labels, names, images=IMAGES, **options):
    """Return a set whose samples are all trained on."""
    task = options.pop("task", "classification")
    target = labels.shape[1:] if task == "image" else None
    info = DatasetInfo("x", images.shape[1:], names, task=task, target_shape=target)
    split = Split(images, labels)
    source = Given(Dataset(info, split, split))
    return prepare(DataOptions(source, 0.0, **options), 7, Path())


def rows_of(data, augmented=False):
    return [row for group in _groups(data, 20)[0] for row in _rows(data.train, group, augmented)]


def test_every_class_has_a_row_with_its_first_samples():
    labels = np.arange(60) % 3
    data = prepared(labels, ("a", "b", "none", "c")[:3])
    rows = rows_of(data)
    assert [(row.label, row.note) for row in rows] == [
        ("a", "20 samples"),
        ("b", "20 samples"),
        ("none", "20 samples"),
    ]
    for number, row in enumerate(rows):
        expected = IMAGES[labels == number][:8] / np.float32(255)
        np.testing.assert_array_equal(row.images, expected)
    sheet = contact_sheet(data)
    pixels = np.asarray(sheet)
    enlarged = IMAGES[0].repeat(4, 0).repeat(4, 1)  # 16 pixels become 64
    places = [
        (y, x)
        for y, x in np.argwhere((pixels == enlarged[0, 0]).all(axis=2))
        if np.array_equal(pixels[y : y + 64, x : x + 32], enlarged)
    ]
    assert len(places) == 1
    y, x = places[0]
    second = IMAGES[1].repeat(4, 0).repeat(4, 1)
    np.testing.assert_array_equal(pixels[y + 64 + GAP :, x:][:64, :32], second)


@pytest.mark.parametrize("classes", [1, 20, 200])
def test_any_number_of_classes_is_readable(classes):
    names = tuple(
        f"class {number} {'of a very long name ' * 5}\n\x1b你好" for number in range(classes)
    )
    data = prepared(np.arange(60) % classes, names)
    groups, note = _groups(data, 20)
    assert len(groups) == min(classes, 20)
    assert note == ("180 more classes not drawn" if classes == 200 else "")
    sheet = contact_sheet(data)
    assert sheet.height < 20 * 80
    assert sheet.width < 600


def test_a_class_without_samples_and_several_labels_an_image():
    labels = np.zeros((60, 3), np.float32)
    labels[:5, 0] = labels[3:5, 2] = 1
    rows = rows_of(prepared(labels, ("a", "b", "c"), task="multi_label"))
    assert [row.note for row in rows] == ["5 samples", "0 samples", "2 samples"]
    assert [len(row.images) for row in rows] == [5, 0, 2]
    contact_sheet(prepared(labels, ("a", "b", "c"), task="multi_label"))


def test_augmented_samples_are_those_of_a_training():
    data = prepared(np.arange(60) % 2, ("a", "b"), augment=(HorizontalFlip(),))
    _, *augmented = rows_of(data, augmented=True)[:4]
    assert [row.note for row in augmented] == ["epoch 1", "epoch 2", "epoch 3"]
    for epoch, row in enumerate(augmented):
        trained, _ = data.train.batch(np.arange(0, 16, 2), seed=7, epoch=epoch)
        data.statistics.restore(trained)
        np.testing.assert_allclose(row.images, trained, atol=1e-6)
    assert contact_sheet(data, augmented=True).height > 2 * contact_sheet(data).height
    with pytest.raises(DataError, match="no sample is augmented"):
        contact_sheet(prepared(np.arange(60) % 2, ("a", "b")), augmented=True)


def test_numbers_go_from_the_smallest_to_the_largest():
    ages = RNG.permutation(60).astype(np.float32)[:, None]
    rows = rows_of(prepared(ages, ("age",), task="regression"))
    assert (rows[0].label.split()[0], rows[-1].label.split()[-1]) == ("0", "59")
    assert {row.note for row in rows} == {"age"}
    youngest = IMAGES[int(ages[:, 0].argmin())] / np.float32(255)
    np.testing.assert_array_equal(rows[0].images[0], youngest)
    contact_sheet(prepared(ages, ("age",), task="regression"))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_images_to_be_learnt_stand_below_their_inputs(channels):
    learnt = 255 - IMAGES[..., :channels]
    data = prepared(learnt, (), task="image", augment=(HorizontalFlip(),))
    rows = rows_of(data)
    assert [row.label for row in rows] == ["inputs", "targets"] * 4
    np.testing.assert_allclose(
        rows[1].images, 1 - np.stack(rows[0].images)[..., :channels], atol=1e-6
    )
    notes = [row.note for row in rows_of(data, augmented=True)[2:4]]
    assert notes == ["epoch 1", "its targets"]
    contact_sheet(data, augmented=True)


def test_images_of_any_size_are_drawn():
    for side in (1, 63, 300):
        images = np.zeros((4, side, 1, 1), np.uint8)
        sheet = contact_sheet(prepared(np.arange(4) % 2, ("a", "b"), images))
        assert sheet.height < 400

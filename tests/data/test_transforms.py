"""What every transform keeps, and what each one does, by hand-worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnrun.data.transforms import (
    TRANSFORMS,
    BrightnessContrast,
    Crop,
    Cutout,
    GaussianNoise,
    HorizontalFlip,
    Rotate,
    Shift,
    VerticalFlip,
    Zoom,
)
from cnnrun.data.transforms.geometric import _resampled

CASES = [
    *(
        TRANSFORMS.get(name)()
        for name in TRANSFORMS
        if TRANSFORMS.get(name).__module__[:6] == "cnnrun"
    ),
    Shift(pixels=30),
    Crop(padding=9),
    Rotate(degrees=360.0),
    Zoom(amount=0.95),
    BrightnessContrast(brightness=1.0, contrast=1.0),
    GaussianNoise(std=3.0),
    Cutout(size=1),
    Cutout(size=50),
    Rotate(probability=0.0),
    HorizontalFlip(probability=1.0),
]


class Fixed:
    """A generator that draws what a test says."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def integers(self, *_):
        return self.draws.pop(0)

    uniform = random = integers


def image_of(height, width, channels, seed=0):
    return np.random.default_rng(seed).random((height, width, channels), dtype=np.float32)


def test_every_transform_has_a_case():
    mine = {name for name in TRANSFORMS if TRANSFORMS.get(name).__module__[:6] == "cnnrun"}
    assert mine <= {case.type_name for case in CASES}


@pytest.mark.parametrize("transform", CASES, ids=repr)
@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)),
    seed=st.integers(0, 1000),
)
def test_shape_type_range_and_input_are_kept(transform, shape, seed):
    image = image_of(*shape, seed)
    image[image < 0.2], image[image > 0.8] = 0, 1
    before = image.copy()
    image.flags.writeable = False
    changed = transform(image, np.random.default_rng(seed))
    again = transform(image, np.random.default_rng(seed))
    assert changed.shape == image.shape
    assert changed.dtype == np.float32
    assert changed.min() >= 0
    assert changed.max() <= 1
    np.testing.assert_array_equal(changed, again)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("transform", CASES[:9], ids=repr)
def test_probability(transform):
    image = image_of(6, 6, 1)
    kind = type(transform)
    rng = np.random.default_rng(0)
    assert kind(probability=0.0)(image, rng) is image
    calls = sum(kind(probability=0.3)(image, rng) is not image for _ in range(400))
    assert 80 < calls < 160


def test_the_default_of_flips_is_every_other_image():
    assert HorizontalFlip().probability == VerticalFlip().probability == 0.5
    assert Shift().probability == 1


@pytest.mark.parametrize(
    ("down", "right", "expected"),
    [
        (0, 0, [[1, 2, 3], [4, 5, 6]]),
        (1, 0, [[0, 0, 0], [1, 2, 3]]),
        (-1, 0, [[4, 5, 6], [0, 0, 0]]),
        (0, 1, [[0, 1, 2], [0, 4, 5]]),
        (1, -2, [[0, 0, 0], [3, 0, 0]]),
        (-2, 0, [[0, 0, 0], [0, 0, 0]]),
        (0, 5, [[0, 0, 0], [0, 0, 0]]),
    ],
)
@pytest.mark.parametrize("transform", [Shift(pixels=5), Crop(padding=5)])
def test_shift_and_crop_move_whole_pixels(transform, down, right, expected):
    image = np.array([[1, 2, 3], [4, 5, 6]], np.float32)[..., None] / 10
    moved = transform.apply(image, Fixed((down + 5.5) / 11, (right + 5.5) / 11))
    np.testing.assert_allclose(moved[..., 0] * 10, expected, rtol=1e-6)


def test_shift_goes_everywhere_within_its_bounds():
    image = np.zeros((9, 9, 1), np.float32)
    image[4, 4] = 1
    rng = np.random.default_rng(0)
    found = {tuple(np.argwhere(Shift(pixels=2)(image, rng))[0][:2] - 4) for _ in range(400)}
    assert found == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


def test_flips():
    image = np.array([[1, 2, 3], [4, 5, 6]], np.float32)[..., None] / 10
    rng = np.random.default_rng(0)
    sideways = HorizontalFlip(probability=1.0)(image, rng)[..., 0] * 10
    upside_down = VerticalFlip(probability=1.0)(image, rng)[..., 0] * 10
    np.testing.assert_allclose(sideways, [[3, 2, 1], [6, 5, 4]], rtol=1e-6)
    np.testing.assert_allclose(upside_down, [[4, 5, 6], [1, 2, 3]], rtol=1e-6)


def test_resampling_on_the_grid_itself_changes_nothing():
    for shape in ((5, 4, 2), (6, 6, 1), (1, 1, 3)):
        image = image_of(*shape)
        np.testing.assert_array_equal(_resampled(image, 1.0, 0.0), image)
        np.testing.assert_array_equal(Rotate().apply(image, Fixed(0.0)), image)
        np.testing.assert_array_equal(Zoom().apply(image, Fixed(1.0)), image)


@pytest.mark.parametrize(("degrees", "turns"), [(90.0, 1), (180.0, 2), (-90.0, 3)])
def test_rotation_by_right_angles_moves_pixels_only(degrees, turns):
    image = image_of(7, 7, 2)
    turned = Rotate(degrees=180.0).apply(image, Fixed(degrees))
    np.testing.assert_allclose(turned, np.rot90(image, turns), atol=1e-5)


def test_bilinear_reading_against_a_loop():
    image = image_of(6, 5, 1)
    along, across = 0.9 * np.cos(0.4), 0.9 * np.sin(0.4)
    expected = np.zeros((6, 5))
    for i in range(6):
        for j in range(5):
            y, x = i - 2.5, j - 2
            row, column = along * y + across * x + 2.5, along * x - across * y + 2
            top, left = int(np.floor(row)), int(np.floor(column))
            for k in (top, top + 1):
                for m in (left, left + 1):
                    if 0 <= k < 6 and 0 <= m < 5:
                        weight = (1 - abs(row - k)) * (1 - abs(column - m))
                        expected[i, j] += weight * image[k, m, 0]
    np.testing.assert_allclose(_resampled(image, along, across)[..., 0], expected, atol=1e-5)


def test_zoom_scales_about_the_centre():
    image = np.zeros((9, 9, 1), np.float32)
    image[3:6, 3:6] = 1
    larger = Zoom(amount=0.9).apply(image, Fixed(1.8))
    smaller = Zoom(amount=0.9).apply(image, Fixed(0.5))
    assert np.all(larger[2:7, 2:7] > 0.5)
    assert smaller[4, 4] == 1
    assert smaller.sum() < image.sum() < larger.sum()
    np.testing.assert_allclose(larger, larger[::-1, ::-1], atol=1e-6)


def test_brightness_and_contrast_by_hand():
    image = np.array([[0.2, 0.6]], np.float32)[..., None]  # mean 0.4
    changed = BrightnessContrast(brightness=0.5, contrast=0.5).apply(image, Fixed(0.5, 0.1))
    np.testing.assert_allclose(changed[0, :, 0], [0.2, 0.8], rtol=1e-6)  # 0.4 -+ 0.3 + 0.1
    still = BrightnessContrast(brightness=0.0, contrast=0.0)(image, np.random.default_rng(0))
    np.testing.assert_allclose(still, image, atol=1e-7)


def test_noise_has_the_standard_deviation_asked_for():
    image = np.full((100, 100, 1), 0.5, np.float32)
    noise = GaussianNoise(std=0.05)(image, np.random.default_rng(0)) - 0.5
    assert abs(noise.std() - 0.05) < 0.002
    assert abs(noise.mean()) < 0.002


@pytest.mark.parametrize(
    ("row", "column", "size", "blank"),
    [(2, 2, 1, 1), (2, 2, 3, 9), (0, 0, 3, 4), (4, 2, 3, 6), (2, 2, 50, 25)],
)
def test_cutout_is_cut_off_at_the_border(row, column, size, blank):
    image = np.ones((5, 5, 2), np.float32)
    cut = Cutout(size=size).apply(image, Fixed(row, column))
    assert np.count_nonzero(cut[..., 0] == 0) == np.count_nonzero(cut[..., 1] == 0) == blank
    assert cut[row, column, 0] == 0


def test_cutout_reaches_every_row_and_column():
    image, rng = np.ones((2, 5, 1), np.float32), np.random.default_rng(0)
    blank = [Cutout(size=1).apply(image, rng)[..., 0] == 0 for _ in range(200)]
    assert np.any(blank, axis=0).all()

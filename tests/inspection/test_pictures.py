"""Pictures are to scale, and say what they show."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.inspection.gallery import KINDS, layer_pictures
from cnnrun.inspection.pictures import draw_tiles, overlay


def pixels(image):
    return np.asarray(image).reshape(-1, 3)


def test_zero_is_in_the_middle_and_signs_are_told_apart():
    tiles = np.array([[[[-1.0, 0.0, 1.0]]]])
    colours = {tuple(c) for c in pixels(draw_tiles("t", tiles)).tolist()}
    blue, white, red = (5, 48, 97), (246, 246, 247), (103, 0, 31)
    assert blue in colours
    assert red in colours
    assert any(max(abs(a - b) for a, b in zip(c, white, strict=True)) < 3 for c in colours)


@pytest.mark.parametrize("shape", [(1, 20, 1, 1), (1, 1, 1, 512), (4, 16, 28, 28), (1, 8, 300, 20),
                                   (1, 1, 900, 900), (4, 512, 5, 5)])  # fmt: skip
def test_any_size_is_drawn_and_bounded(shape):
    image = draw_tiles("t", np.random.default_rng(0).standard_normal(shape), note="n")
    assert 60 < image.width < 4000
    assert 60 < image.height < 4000


def test_what_is_zero_or_not_finite():
    zero = draw_tiles("zero", np.zeros((1, 2, 3, 3)))
    one = draw_tiles("zero", np.full((1, 2, 3, 3), 1e-9))
    assert zero.size == one.size
    assert not np.array_equal(np.asarray(zero), np.asarray(one))
    broken = draw_tiles("nan", np.array([[[[np.nan, 1.0], [np.inf, -1.0]]]]))
    assert (0, 200, 80) in {tuple(c) for c in pixels(broken).tolist()}


def test_overlay():
    image = np.zeros((4, 4, 1))
    heat = np.zeros((4, 4))
    heat[1, 2] = 3.0
    laid = overlay(image, heat)
    assert laid.shape == (4, 4, 3)
    assert laid[1, 2].sum() > laid[0, 0].sum()
    overlay(image, np.zeros((4, 4)))


def test_routing_counts_the_windows_won():
    from test_capture import captured

    _, found = captured("batch norm", "loss")
    pictures = list(layer_pictures(found, list(KINDS), 4))
    names = [picture.name for picture in pictures]
    assert "03_max_pool2d-routing" in names
    assert "00_conv2d-filters" in names
    assert names == sorted(names, key=lambda name: name[:2])
    assert all(picture.description for picture in pictures)

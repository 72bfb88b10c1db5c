"""Pictures are to scale, and say what they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cnnrun.inspection import gallery
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

    _, arrays = captured("batch norm", "loss")
    pictures = list(layer_pictures(arrays, list(KINDS), 4))
    names = [picture.name for picture in pictures]
    assert "03_max_pool2d-routing" in names
    assert "00_conv2d-filters" in names
    assert names == sorted(names, key=lambda name: name[:2])
    assert all(picture.description for picture in pictures)


def test_a_comparison_shows_both_and_the_second_less_the_first(monkeypatch):
    from test_capture import captured

    drawn = []

    def draw(title, tiles, **options):
        drawn.append((tiles, options["row_labels"]))
        return draw_tiles(title, tiles, **options)

    monkeypatch.setattr(gallery, "draw_tiles", draw)
    network, first = captured("plain", "loss")
    second = replace(first, maps={name: {k: 2 * a for k, a in own.items()}
                                  for name, own in first.maps.items()})  # fmt: skip
    pictures = list(gallery.compared_pictures(first, second, ("a", "b"), ["filters"], 4))
    tiles, labels = drawn[0]
    w = network.parameters["00_conv2d/w"]
    assert labels == ["a", "b", "difference"]
    np.testing.assert_array_equal(tiles[:, 2], np.stack([w[:, :, 0, 2] * s for s in (1, 2, 1)]))
    assert pictures[0].description.endswith("in a, in b, and the difference")


def test_each_tile_may_have_a_scale_of_its_own():
    tiles = np.ones((1, 2, 4, 4))
    tiles[0, 1] = 1e-6
    yellow = (253, 231, 36)
    shared, own = (pixels(draw_tiles("t", tiles, own_scales=own)).tolist() for own in (False, True))
    assert own.count(list(yellow)) > 1.9 * shared.count(list(yellow))


def test_the_same_numbers_are_drawn_once():
    from test_capture import captured

    _, arrays = captured("batch norm", "loss")
    pictures = list(layer_pictures(arrays, list(KINDS), 4))
    again = {picture.name: picture.description for picture in pictures if picture.image is None}
    assert again["01_batch_norm-input_gradients"] == (
        "input gradients of 01_batch_norm: the same numbers as the loss gradients of the output of "
        "00_conv2d"
    )
    assert len({picture.name for picture in pictures}) == len(pictures)
    compared = gallery.compared_pictures(arrays, arrays, ("a", "b"), list(KINDS), 4)
    repeated = {p.name for p in compared if p.image is None}
    assert repeated == again.keys() - {name for name in again if name.endswith("routing")}


def test_large_weights_are_summarised_by_the_strongest_of_each_block():
    weights = np.zeros((200, 100), np.float32)
    weights[199, 99], weights[3, 2] = -5, 2
    tiles, note, _ = gallery._tiles("w", weights, 16)
    assert tiles.shape == (1, 1, 67, 50)
    assert (tiles[0, 0, -1, -1], tiles[0, 0, 1, 1]) == (-5, 2)
    assert np.count_nonzero(tiles) == 2
    assert note == "200 inputs x 100 units; each cell is the strongest of 3 x 2 weights"
    small, note, _ = gallery._tiles("w", weights[:20, :30], 16)
    assert (small.shape, note) == ((1, 1, 20, 30), "")


@pytest.mark.parametrize(("count", "last_is_blank"), [(15, True), (16, False)])
def test_only_as_many_tiles_as_there_are(count, last_is_blank):
    full = np.ones((2, 8, 4, 4))
    image = np.asarray(draw_tiles("t", full, count=count))
    whole = np.asarray(draw_tiles("t", full))
    assert np.array_equal(image, whole) != last_is_blank

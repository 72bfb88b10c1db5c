"""Images in a page: small files, whatever their size was, and maps that show what mattered."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from experiments import tiny
from PIL import Image

from cnnrun.config import build_network
from cnnrun.engine import Network
from cnnrun.engine.layers import Flatten
from cnnrun.report.images import attributions, embedded, first_filters, strip


def opened(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.source.partition(",")[2])))


def test_small_images_are_kept_to_the_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    picture = embedded(pixels / 255, "five by seven")
    assert (picture.width, picture.height) == (7, 5)
    np.testing.assert_array_equal(np.asarray(opened(picture)), pixels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_rows_of_photographs_take_little_room(channels):
    noise = np.random.default_rng(0).random((8, 200, 300, channels))
    picture = strip(list(noise), "noise")
    assert len(picture.source) < 40_000
    assert picture.height == 32
    assert len(embedded(noise[0], "noise").source) < 20_000


def test_a_row_has_all_its_images():
    images = [np.full((4, 3, 1), level) for level in (0.0, 1.0)]
    row = np.asarray(opened(strip(images, "two")).convert("L"))
    assert row.shape == (4, 8)
    assert (row[:, :3] == 0).all()
    assert (row[:, 4:7] == 255).all()


def test_maps_are_of_the_class_that_was_asked_for(tmp_path):
    experiment = tiny(tmp_path)
    network = build_network(experiment)
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 1)).astype(np.float32)
    maps = attributions(network, x, np.array([0, 2]), np.zeros(1))
    assert maps.shape == (2, 6, 6)
    assert (maps >= 0).all()
    assert maps.max() > 0
    again = attributions(network, x, np.array([1, 2]), np.zeros(1))
    np.testing.assert_array_equal(maps[1], again[1])
    assert not np.array_equal(maps[0], again[0])


def test_filters_are_those_of_the_first_convolution(tmp_path):
    name, picture = first_filters(build_network(tiny(tmp_path)))
    assert name == "00_conv2d"
    assert picture.description == "filters of 00_conv2d, 3x3x1"
    assert first_filters(Network([Flatten.Config()], (2, 2, 1))) is None

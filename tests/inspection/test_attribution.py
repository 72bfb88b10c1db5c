"""Attribution maps add up, agree with their definitions, and have the right shapes."""

from __future__ import annotations

import numpy as np
import pytest
from test_capture import build, samples

from cnnrun.engine import Build, Context, Network
from cnnrun.engine.layers import Conv2D, Dense, Flatten, ReLU
from cnnrun.inspection.attribution import attribute, grad_cam, occlusion
from cnnrun.inspection.capture import capture
from cnnrun.inspection.objectives import ClassScore

BLACK = np.array([-0.3, 0.2])


@pytest.mark.parametrize("name", ["plain", "batch norm", "residual"])
def test_integrated_gradients_are_complete(name):
    x, labels = samples()
    found = attribute(build(name), x, ClassScore(labels), BLACK)
    assert max(found.completeness_error) < 0.01
    sums = found.maps["integrated_gradients"].sum(axis=(1, 2))
    np.testing.assert_allclose(sums, found.score_change, rtol=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_the_images_shape(channels):
    layers = [Conv2D.Config(3, 3), ReLU.Config(), Flatten.Config(), Dense.Config(4)]
    network = Network(layers, (8, 7, channels), Build(np.dtype("float64")))
    x = np.random.default_rng(0).standard_normal((2, 8, 7, channels))
    objective = ClassScore(np.array([1, 3]))
    found = attribute(network, x, objective, np.zeros(channels), steps=8, smooth=2)
    assert {array.shape for array in found.maps.values()} == {(2, 8, 7)}
    dx = capture(network, x, objective).maps["00_conv2d"]["dx"]
    np.testing.assert_allclose(found.maps["saliency"], np.abs(dx).sum(axis=3), rtol=1e-10)
    np.testing.assert_allclose(found.maps["gradient_times_input"], (dx * x).sum(axis=3), rtol=1e-9)


def test_grad_cam_by_its_definition():
    x, labels = samples("float64")
    network = build("plain", "float64")
    layer, cam = grad_cam(network, x, ClassScore(labels))
    assert layer == "03_conv2d"
    own = capture(network, x, ClassScore(labels)).maps[layer]
    samples_, height, width, channels = own["y"].shape
    for n in range(samples_):
        expected = np.zeros((height, width))
        for k in range(channels):
            weight = sum(own["dy"][n, i, j, k] for i in range(height) for j in range(width))
            for i in range(height):
                for j in range(width):
                    expected[i, j] += weight / (height * width) * own["y"][n, i, j, k]
        np.testing.assert_allclose(cam[n], np.maximum(expected, 0), rtol=1e-12, atol=1e-14)


def test_occlusion_has_the_sign_of_the_drop():
    x, labels = samples("float64")
    network = build("plain").astype(np.float64)
    objective = ClassScore(labels)
    drops = occlusion(network, x, objective, BLACK, patch=1)
    whole = objective.values(network.forward(x, Context()))
    for i, j in ((0, 0), (4, 3), (8, 7)):
        blanked = x.copy()
        blanked[:, i, j] = BLACK
        expected = whole - objective.values(network.forward(blanked, Context()))
        np.testing.assert_allclose(drops[:, i, j], expected, rtol=1e-9, atol=1e-12)


def test_the_same_seed_gives_the_same_noise():
    x, labels = samples()
    maps = [
        attribute(build("plain"), x, ClassScore(labels), BLACK, steps=1, smooth=2, seed=s).maps
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(maps[0]["smoothgrad"], maps[1]["smoothgrad"])
    assert not np.array_equal(maps[0]["smoothgrad"], maps[2]["smoothgrad"])

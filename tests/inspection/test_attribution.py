"""Attribution maps add up, agree with their definitions, and have the right shapes."""

from __future__ import annotations

import numpy as np
import pytest
from test_capture import build, samples

from cnnrun.engine import Build, Context, Network
from cnnrun.engine.layers import Conv2D, Dense, Flatten, ReLU
from cnnrun.inspection import attribution
from cnnrun.inspection.attribution import (
    attribute,
    grad_cam,
    integrated_gradients,
    occlusion,
)
from cnnrun.inspection.capture import capture
from cnnrun.inspection.objectives import ClassScore

BLACK = np.array([-0.3, 0.2])


@pytest.mark.parametrize("name", ["plain", "batch norm", "residual"])
def test_integrated_gradients_are_complete(name):
    x, labels = samples()
    result = attribute(build(name), x, ClassScore(labels), BLACK)
    assert max(result.completeness_error) < 0.01
    sums = result.maps["integrated_gradients"].sum(axis=(1, 2))
    np.testing.assert_allclose(sums, result.score_change, rtol=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_maps_have_the_images_shape(channels):
    layers = [Conv2D.Config(3, 3), ReLU.Config(), Flatten.Config(), Dense.Config(4)]
    network = Network(layers, (8, 7, channels), Build(np.dtype("float64")))
    x = np.random.default_rng(0).standard_normal((2, 8, 7, channels))
    objective = ClassScore(np.array([1, 3]))
    maps = attribute(network, x, objective, np.zeros(channels), steps=8, smooth=2).maps
    assert {array.shape for array in maps.values()} == {(2, 8, 7)}
    dx = capture(network, x, objective).maps["00_conv2d"]["dx"]
    np.testing.assert_allclose(maps["saliency"], np.abs(dx).sum(axis=3), rtol=1e-10)
    np.testing.assert_allclose(maps["gradient_times_input"], (dx * x).sum(axis=3), rtol=1e-9)


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


def drop(network, x, objective, top, left, patch):
    """Return by how much the objective falls when a square of every image is black."""
    blanked = x.copy()
    blanked[:, top : top + patch, left : left + patch] = BLACK
    values = [objective.values(network.forward(images, Context())) for images in (x, blanked)]
    return values[0] - values[1]


@pytest.mark.parametrize("patch", [1, 3, 5])
def test_occlusion_by_its_definition(patch):
    """Each pixel gets the mean of the drops of the squares that cover it."""
    x, labels = samples("float64")
    network, objective = build("plain").astype(np.float64), ClassScore(labels)
    _, height, width, _ = x.shape
    drops, counts = np.zeros(x.shape[:3]), np.zeros((height, width))
    stride = max(1, patch // 2)
    tops = [*range(0, height - patch, stride), height - patch]
    lefts = [*range(0, width - patch, stride), width - patch]
    for top in tops:
        for left in lefts:
            change = drop(network, x, objective, top, left, patch)
            for i in range(top, top + patch):
                for j in range(left, left + patch):
                    drops[:, i, j] += change
                    counts[i, j] += 1
    assert patch == 1 or counts.max() > 1
    measured = occlusion(network, x, objective, BLACK, patch)
    np.testing.assert_allclose(measured, drops / counts, rtol=1e-9, atol=1e-12)


def linear():
    layers = [Flatten.Config(), Dense.Config(3)]
    return Network(layers, (9, 8, 2), Build(np.dtype("float64"), seed=2))


def test_smoothgrad_of_a_linear_network_is_its_saliency():
    x, _ = samples("float64")
    maps = attribute(linear(), x, ClassScore(np.array([1, 0, 2])), BLACK, steps=1, smooth=5).maps
    np.testing.assert_allclose(maps["smoothgrad"], maps["saliency"], rtol=1e-12)


def test_the_noise_of_smoothgrad_is_a_tenth_of_the_range(monkeypatch):
    x, labels = samples("float64")
    x[1] *= 10
    seen = []
    gradients = attribution._input_gradients

    def watch(network, images, objective):
        seen.append(images.copy())
        return gradients(network, images, objective)

    monkeypatch.setattr(attribution, "_input_gradients", watch)
    attribute(build("plain"), x, ClassScore(labels), BLACK, steps=1, smooth=20)
    noise = np.array(seen[-20:]) - x
    spread = noise.std(axis=(0, 2, 3, 4)) / (x.max(axis=(1, 2, 3)) - x.min(axis=(1, 2, 3)))
    np.testing.assert_allclose(spread, 0.1, rtol=0.1)


def test_maps_are_enlarged_between_the_centres_of_pixels():
    small = np.array([[[0.0, 1.0], [2.0, 3.0]]])
    columns = np.array([0, 0.25, 0.75, 1])
    expected = columns[None, :] + 2 * columns[:, None]
    np.testing.assert_allclose(attribution._resized(small, 4, 4)[0], expected)
    np.testing.assert_array_equal(attribution._resized(small, 2, 2), small)


def test_integrated_gradients_take_more_steps_until_they_are_complete():
    x, labels = samples("float64")
    network = build("plain").astype(np.float64)
    _, _, error, steps = integrated_gradients(network, x, ClassScore(labels), BLACK, 1)
    assert steps > 1
    assert max(error) < 0.005
    _, _, error, steps = integrated_gradients(linear(), x, ClassScore(labels % 3), BLACK, 1)
    assert steps == 1
    assert max(error) < 1e-9


def test_the_same_seed_gives_the_same_noise():
    x, labels = samples()
    maps = [
        attribute(build("plain"), x, ClassScore(labels), BLACK, steps=1, smooth=2, seed=s).maps
        for s in (0, 0, 1)
    ]
    np.testing.assert_array_equal(maps[0]["smoothgrad"], maps[1]["smoothgrad"])
    assert not np.array_equal(maps[0]["smoothgrad"], maps[2]["smoothgrad"])

"""Every captured array is PyTorch's, and obeys the lecture's two identities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import references
from torch_networks import run_in_torch

from cnnrun.engine import Build, Network
from cnnrun.engine.layers import (
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Residual,
    Tanh,
)
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.errors import ConfigError, ShapeError
from cnnrun.inspection.capture import capture, choose, estimate_bytes, walk
from cnnrun.inspection.objectives import BatchLoss, ClassScore

GOLDEN = Path(__file__).parents[1] / "golden/inspection.npz"
NETWORKS = {
    "plain": [
        Conv2D.Config(4, 3), ReLU.Config(), MaxPool2D.Config(2),
        Conv2D.Config(6, 3, padding=1, stride=2), ReLU.Config(), Flatten.Config(),
        Dense.Config(8), Tanh.Config(), Dense.Config(5),
    ],
    "batch norm": [
        Conv2D.Config(4, 3, padding="same"), BatchNorm.Config(), ReLU.Config(),
        MaxPool2D.Config(3, stride=2, padding=1), Flatten.Config(), Dense.Config(5),
    ],
    "residual": [
        Conv2D.Config(4, 3, padding=1),
        Residual.Config(
            (Conv2D.Config(6, 3, stride=2, padding=1), BatchNorm.Config(), ReLU.Config(),
             Conv2D.Config(6, 3, padding=1)),
            (Conv2D.Config(6, 1, stride=2),),
        ),
        ReLU.Config(), Flatten.Config(), Dense.Config(5),
    ],
    "concat": [
        Conv2D.Config(4, 3, padding="same"), ReLU.Config(),
        Concat.Config(
            (Conv2D.Config(3, 3, padding=1), Tanh.Config(),
             Concat.Config((Conv2D.Config(2, 3, padding=1),), (Conv2D.Config(1, 1),))),
        ),
        ReLU.Config(), Flatten.Config(), Dense.Config(5),
    ],
}  # fmt: skip
OBJECTIVES = ["loss", "class"]


def build(name, dtype="float32"):
    network = Network(NETWORKS[name], (9, 8, 2), Build(np.dtype(dtype), seed=3))
    rng = np.random.default_rng(1)
    for array in network.parameters.values():
        array += (0.1 * rng.standard_normal(array.shape)).astype(dtype)
    for key, array in network.buffers.items():
        noise = rng.uniform(0.5, 1.5, array.shape) if "var" in key else rng.normal(size=array.shape)
        array[...] = noise.astype(dtype)
    return network


def samples(dtype="float32"):
    rng = np.random.default_rng(2)
    return rng.standard_normal((3, 9, 8, 2)).astype(dtype), np.array([1, 4, 0])


def captured(name, objective, dtype="float32"):
    x, labels = samples(dtype)
    network = build(name, dtype)
    of = BatchLoss(SoftmaxCrossEntropy(), labels) if objective == "loss" else ClassScore(labels)
    return network, capture(network, x, of)


def in_torch(name, objective):
    x, labels = samples()
    key = {"targets": labels} if objective == "loss" else {"classes": labels}
    return run_in_torch(build(name), x, **key)


def compare(found, expected):
    arrays = found.arrays()
    assert {key for key in arrays if key.split("/")[-1].startswith("d")} <= expected.keys()
    for key, array in expected.items():
        scale = np.abs(array).max()
        assert arrays[key].dtype == np.float32
        np.testing.assert_allclose(arrays[key], array, rtol=1e-5, atol=1e-5 * scale, err_msg=key)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", NETWORKS)
def test_against_the_golden_arrays(name, objective):
    with np.load(GOLDEN) as golden:
        prefix = f"{name}:{objective}:"
        expected = {k.removeprefix(prefix): golden[k] for k in golden if k.startswith(prefix)}
    assert len(expected) > 20
    compare(captured(name, objective)[1], expected)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("name", NETWORKS)
def test_against_pytorch(name, objective):
    pytest.importorskip("torch")
    compare(captured(name, objective)[1], in_torch(name, objective))


@pytest.mark.parametrize("name", NETWORKS)
def test_winners_are_where_the_maxima_are(name):
    _, found = captured(name, "loss")
    for node in found.nodes:
        own = found.maps[node.name]
        if "winner" not in own:
            continue
        window = node.layer.window
        for n, i, j, c in np.ndindex(*own["winner"].shape):
            tap = np.unravel_index(own["winner"][n, i, j, c], window.kernel)
            row = i * window.stride[0] + tap[0] - window.before[0]
            column = j * window.stride[1] + tap[1] - window.before[1]
            assert own["x"][n, row, column, c] == own["y"][n, i, j, c]


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 1},
        {"stride": (2, 1), "padding": 1},
        {"dilation": 2, "padding": (0, 2)},
        {"groups": 2, "stride": 2},
        {"stride": 2, "padding": "same", "dilation": (1, 2)},
    ],
    ids=str,
)
def test_the_lectures_identities_on_the_captured_arrays(options):
    """dw = Convolution(x, dy) and dx = Full Convolution(rotated w, dy), in nested loops."""
    layers = [Conv2D.Config(4, (3, 2), **options), Tanh.Config(), Flatten.Config(), Dense.Config(3)]
    network = Network(layers, (7, 6, 2), Build(np.dtype("float64"), seed=1))
    x = np.random.default_rng(0).standard_normal((2, 7, 6, 2))
    found = capture(network, x, BatchLoss(SoftmaxCrossEntropy(), np.array([0, 2])))
    own = found.maps["00_conv2d"]
    expected = references.conv2d(own["x"], own["w"], own["dy"], own["b"], **options)
    for key in ("dx", "dw", "db"):
        np.testing.assert_allclose(own[key], expected[key], rtol=1e-12, atol=1e-12)


def test_nothing_in_the_network_changes():
    network = build("batch norm")
    before = {k: v.copy() for k, v in network.state().items()}
    x, labels = samples()
    capture(network, x, BatchLoss(SoftmaxCrossEntropy(), labels))
    for key, array in network.state().items():
        np.testing.assert_array_equal(array, before[key])
    with pytest.raises(ShapeError, match="takes a batch of shape"):
        capture(network, x[:, 1:], ClassScore(labels))


def test_choosing_layers():
    nodes = walk(build("residual"))
    names = [node.name for node in choose(nodes, ["1"])]
    assert names[0] == "01_residual"
    assert "01_residual/branch/03_conv2d" in names
    assert [node.name for node in choose(nodes, ["conv1"])] == ["00_conv2d"]
    assert len(choose(nodes, ["conv2d"])) == 4
    with pytest.raises(ConfigError, match="no layer is called 'conv9'"):
        choose(nodes, ["conv9"])


def test_the_estimate_is_what_the_arrays_take():
    network, arrays = captured("plain", "loss")
    size = sum(
        array.nbytes for key, array in arrays.arrays().items() if not key.endswith("/winner")
    )
    assert estimate_bytes(walk(network), len(arrays.outputs)) == size

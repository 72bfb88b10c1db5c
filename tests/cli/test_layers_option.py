"""`--layers` names the same layers in `gradcheck` as in `inspect`."""

from __future__ import annotations

import pytest

from cnnrun.engine import Network
from cnnrun.engine.layers import Conv2D, Conv2DTranspose, Dense, Flatten, MaxPool2D, ReLU, Residual
from cnnrun.gradcheck import plan_network
from cnnrun.inspection.capture import choose, walk

BRANCH = (Conv2D.Config(3, 3, padding="same"), ReLU.Config())
LAYERS = [
    Conv2D.Config(2, 3, padding="same"),
    Conv2DTranspose.Config(2, 3, padding=1),
    ReLU.Config(),
    MaxPool2D.Config(2),
    Residual.Config(BRANCH, (Conv2D.Config(3, 1),)),
    Conv2D.Config(2, 3),
    Flatten.Config(),
    Dense.Config(3),
]
WORDS = [
    "0", "4", "conv2d", "conv1", "conv2", "conv2d3", "relu", "max_pool1", "residual",
    "04_residual/branch/00_conv2d",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_both_verbs_choose_the_same_layers(word):
    network = Network(LAYERS, (6, 6, 1))
    inspected = [node.name for node in choose(walk(network), [word])]
    check = plan_network(network, layers=[word], budget=1)
    checked = dict.fromkeys(point.layer for point in check.points if point.layer != "loss")
    assert inspected
    assert list(checked) == inspected

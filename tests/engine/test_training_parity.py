"""A whole training against PyTorch: the same start must lead to the same weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cnnrun.engine import INITIALIZERS, Build, Executor, Network
from cnnrun.engine.layers import BatchNorm, Conv2D, Dense, Flatten, MaxPool2D, ReLU
from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.engine.optimizers import SGD, Adam

STEPS = 50
GOLDEN = Path(__file__).parents[1] / "golden" / "training.npz"
OPTIMIZERS = {
    "sgd": SGD(0.05, momentum=0.9, weight_decay=1e-3),
    "adam": Adam(0.005),
}


def batches():
    """Return the inputs `(50, 12, 9, 9, 2)` and labels `(50, 12)` of a small problem."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((STEPS, 12, 9, 9, 2)), rng.integers(0, 4, (STEPS, 12))


def build():
    configs = [
        Conv2D.Config(5, 3, padding=1),
        BatchNorm.Config(),
        ReLU.Config(),
        MaxPool2D.Config(2),
        Conv2D.Config(6, (2, 3), stride=(1, 2)),
        ReLU.Config(),
        Flatten.Config(),
        Dense.Config(4),
    ]
    return Network(configs, (9, 9, 2), Build(np.dtype("float64"), seed=1))


def train_here(optimizer):
    """Return parameters and running statistics after 50 steps of this engine."""
    network = build()
    state = optimizer.initial_state(network.parameters)
    with Executor(network, SoftmaxCrossEntropy(), workers=2, shard_size=5) as executor:
        for step, (x, labels) in enumerate(zip(*batches(), strict=True)):
            result = executor.step(x, labels, seed=0, step=step)
            rate = optimizer.learning_rate
            optimizer.update(
                network.parameters, result.gradients, state, learning_rate=rate, step=step + 1
            )
            for name, value in result.updates.items():
                network.buffers[name][...] = value
    return network.state()


def train_in_torch(name):
    """Return the same after 50 steps of PyTorch, from the same initial weights."""
    import torch
    from torch.nn import functional

    network = build()
    p = {k: torch.tensor(v, requires_grad=True) for k, v in network.parameters.items()}
    running = {k: torch.tensor(v) for k, v in network.buffers.items()}
    made = {
        "sgd": lambda: torch.optim.SGD(p.values(), 0.05, momentum=0.9, weight_decay=1e-3),
        "adam": lambda: torch.optim.Adam(p.values(), 0.005),
    }[name]()
    for x, labels in zip(*batches(), strict=True):
        h = torch.tensor(x).permute(0, 3, 1, 2)
        h = functional.conv2d(h, p["00_conv2d/w"].permute(3, 2, 0, 1), p["00_conv2d/b"], padding=1)
        h = functional.batch_norm(
            h,
            running["01_batch_norm/running_mean"],
            running["01_batch_norm/running_var"],
            p["01_batch_norm/gamma"],
            p["01_batch_norm/beta"],
            training=True,
        )
        h = functional.max_pool2d(functional.relu(h), 2)
        w = p["04_conv2d/w"].permute(3, 2, 0, 1)
        h = functional.relu(functional.conv2d(h, w, p["04_conv2d/b"], stride=(1, 2)))
        h = h.permute(0, 2, 3, 1).flatten(1) @ p["07_dense/w"] + p["07_dense/b"]
        made.zero_grad()
        functional.cross_entropy(h, torch.tensor(labels)).backward()
        made.step()
    return {k: v.detach().numpy() for k, v in {**p, **running}.items()}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_after_50_steps_equal_the_golden_ones(name):
    golden = np.load(GOLDEN)
    for key, value in train_here(OPTIMIZERS[name]).items():
        np.testing.assert_allclose(value, golden[f"{name}/{key}"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_after_50_steps_equal_pytorchs(name):
    pytest.importorskip("torch")
    theirs = train_in_torch(name)
    for key, value in train_here(OPTIMIZERS[name]).items():
        np.testing.assert_allclose(value, theirs[key], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"zeros", "constant"}))
def test_every_parameter_moves_however_it_was_drawn(name):
    initializer = INITIALIZERS.get(name)()
    configs = [
        Conv2D.Config(30, 3, initializer=initializer),  # 18 rows, 30 columns: wider than tall
        ReLU.Config(),
        Flatten.Config(),
        Dense.Config(4, initializer=initializer),
    ]
    network = Network(configs, (9, 9, 2), Build(np.dtype("float64")))
    before = {key: array.copy() for key, array in network.parameters.items()}
    (x, *_), (labels, *_) = batches()
    with Executor(network, SoftmaxCrossEntropy()) as executor:
        result = executor.step(x, labels, seed=0, step=0)
        SGD().update(network.parameters, result.gradients, {}, learning_rate=0.1, step=1)
    for key, array in network.parameters.items():
        assert not np.array_equal(array, before[key]), key

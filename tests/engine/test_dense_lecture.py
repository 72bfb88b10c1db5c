"""The lecture's four-step algorithm, written out in loops, against the engine."""

from __future__ import annotations

import math

import numpy as np

from cnnrun.engine import Build, Executor, Network
from cnnrun.engine.layers import Dense, Sigmoid
from cnnrun.engine.losses import MeanSquaredError

SIZES = (3, 5, 4, 2)


def f(z):
    return 1 / (1 + math.exp(-z))


def four_steps(weights, biases, x, y):
    """Return dL/dW and dL/db of every layer for one sample, W[l][i][j] from input i to unit j."""
    # Step 1: the forward pass, keeping z and a of every layer.
    activations, sums = [list(x)], []
    for w, b in zip(weights, biases, strict=True):
        a = activations[-1]
        sums.append([sum(a[i] * w[i][j] for i in range(len(a))) + b[j] for j in range(len(b))])
        activations.append([f(z) for z in sums[-1]])
    slope = [[f(z) * (1 - f(z)) for z in layer] for layer in sums]
    # Step 2: delta = -(y - a) f'(z) at the output.
    delta = [-(y[j] - a) * slope[-1][j] for j, a in enumerate(activations[-1])]
    dw, db = [], []
    for layer in reversed(range(len(weights))):
        # Step 4: the derivatives are delta a^T and delta.
        dw.insert(0, [[delta[j] * a for j in range(len(delta))] for a in activations[layer]])
        db.insert(0, delta)
        if layer:  # Step 3: delta of the layer before is (W^T delta) f'(z).
            w = weights[layer]
            delta = [
                sum(w[i][j] * delta[j] for j in range(len(delta))) * slope[layer - 1][i]
                for i in range(len(w))
            ]
    return dw, db


def test_four_steps_equal_the_engine():
    configs = [c for units in SIZES[1:] for c in (Dense.Config(units), Sigmoid.Config())]
    network = Network(configs, SIZES[:1], Build(np.dtype("float64"), seed=2))
    rng = np.random.default_rng(0)
    names = [name for name in network.layers if "dense" in name]
    for name in names:
        network.parameters[f"{name}/b"][...] = rng.standard_normal(
            network.parameters[f"{name}/b"].shape
        )
    weights = [network.parameters[f"{name}/w"].tolist() for name in names]
    biases = [network.parameters[f"{name}/b"].tolist() for name in names]
    x, y = rng.standard_normal((4, 3)), rng.random((4, 2))
    with Executor(network, MeanSquaredError(), shard_size=3) as executor:
        result = executor.step(x, y, seed=0, step=0)
    samples = [four_steps(weights, biases, x[n], y[n]) for n in range(4)]
    for number, name in enumerate(names):
        dw = np.mean([sample[0][number] for sample in samples], axis=0)
        db = np.mean([sample[1][number] for sample in samples], axis=0)
        np.testing.assert_allclose(result.gradients[f"{name}/w"], dw, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(result.gradients[f"{name}/b"], db, rtol=1e-12, atol=1e-15)

"""A whole network: every layer at its own shapes, then the loss's gradient through all of them.

Each layer is checked alone, on what the network feeds it and at a random point, so that a wrong
one is found wherever it stands. Then derivatives of the loss are taken through all that follows a
layer: the first wrong one from the loss, whose upstream gradient is still right, is to blame.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from cnnrun.engine import Context, Loss, Network, Pass
from cnnrun.engine.layers import MaxPool2D
from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.gradcheck.points.loss_planning import plan_loss
from cnnrun.gradcheck.points.plan import Plan
from cnnrun.gradcheck.points.planning import plan_layer
from cnnrun.gradcheck.points.point import Point, distinct, scramble
from cnnrun.gradcheck.points.probes import STEP, TailProbe
from cnnrun.gradcheck.report.findings import NETWORK

__all__ = ["defined_data", "layer_names", "plan_network_points", "random_targets"]

DEFINED_SAMPLES = 4
"""Where a network is not defined at the data, since they are too few."""


def layer_names(network: Network) -> list[str]:
    """Return the full names of all layers, those inside others after them."""
    return [name for name, _ in network.walk()]


def defined_data(
    network: Network, x: Array, rng: np.random.Generator, seed: int
) -> tuple[Array, str | None]:
    """Return data at which a network is defined: `x`, or else random ones, and why not `x`."""
    try:
        _run(network, x, seed)
    except DataError as error:
        drawn = distinct((max(2 * len(x), DEFINED_SAMPLES), *network.input_shape), rng)
        return drawn, f"the network is not defined at the data, checked elsewhere: {error}"
    return x, None


def plan_network_points(
    network: Network,
    loss: Loss,
    x: Array,
    targets: Array | None,
    rng: np.random.Generator,
    chosen: Sequence[str],
    seed: int = 0,
) -> tuple[Plan, list[str]]:
    """Return the points of a float64 network, and its layers in the order they are blamed.

    Args:
        network: in float64.
        loss: behind it.
        x: `(N, *input_shape)`, the data.
        targets: for them, as the loss takes them; random ones where None.
        rng: draws the random points.
        chosen: the names of the layers to check.
        seed: of dropout masks.
    """
    plan = Plan()
    inputs, outputs = _run(network, x, seed)
    layers = dict(network.walk())
    for name in chosen:
        layer = layers[name]
        own = ("x", *layer.params)  # those inside are checked under their own names
        plan.add(plan_layer(layer, name, rng, samples=len(x), x=inputs[name].copy(), tensors=own))
    loss_shape = outputs.shape[1:]
    plan.add(plan_loss(loss, rng, shapes=[loss_shape], name="loss"))
    is_whole = set(network.layers) <= set(chosen)
    if is_whole and not plan.findings:
        aims = random_targets(loss, outputs, rng) if targets is None else targets
        plan.points += _tails(network, loss, x, aims, "data", seed)
        point = network.astype(np.float64)
        for layer in point.layers.values():
            scramble(layer, rng)
        drawn = distinct(x.shape, rng)
        _, drawn_outputs = _run(point, drawn, seed)
        if np.isfinite(drawn_outputs).all():
            aims = random_targets(loss, drawn_outputs, rng)
            plan.points += _tails(point, loss, drawn, aims, "random point", seed)
    order = ["loss", *reversed(layer_names(network)), NETWORK]
    return plan, order


def random_targets(loss: Loss, outputs: Array, rng: np.random.Generator) -> Array:
    """Return targets unlike any prediction, so that every output's error is well above rounding.

    For class scores, a share of every class, where the loss takes that; else labels.
    """
    shares = rng.uniform(0.1, 0.9, outputs.shape)
    if outputs.ndim > 2:
        return shares
    shares /= shares.sum(axis=1, keepdims=True)
    try:
        loss(outputs, shares, len(outputs))
    except Exception:  # it takes labels alone
        return rng.integers(0, outputs.shape[1], len(outputs))
    return shares


def _run(network: Network, x: Array, seed: int) -> tuple[dict[str, Array], Array]:
    """Return the input of every layer by name, and the network's outputs."""
    inputs: dict[str, Array] = {}

    def watch(name: str, kind: str, array: Array) -> None:
        if kind == "x":
            inputs[name] = array.copy()

    y = network.forward(x, Context(Pass(training=True, seed=seed, step=STEP, observer=watch)))
    return inputs, y.copy()


def _tails(
    network: Network, loss: Loss, x: Array, targets: Array, label: str, seed: int
) -> list[Point]:
    """Return, from the loss on, the points at which its gradient for each layer is checked."""
    inputs, _ = _run(network, x, seed)
    points = []
    for start, (name, layer) in reversed(list(enumerate(network.layers.items()))):
        if isinstance(layer, MaxPool2D) and label == "data":
            continue  # its input gradient is full of ties there, and it has no parameters
        probe = TailProbe(network.layers, start, inputs[name].copy(), loss, targets, seed)
        tensors = tuple(sorted(probe.values, key=lambda tensor: tensor == "x"))
        if prod(inputs[name].shape) == 0:
            continue
        names = {tensor: f"{name}/{tensor}" for tensor in tensors}
        points.append(Point(probe, NETWORK, f"network, {label}", tensors, names=names))
    return points

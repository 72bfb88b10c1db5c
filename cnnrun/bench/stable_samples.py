"""Samples on which two engines must agree: no unit is so near a kink that rounding decides.

A ReLU or a maximum that falls on the other side in one of two engines sends a whole error another
way: among a million units some are always that near, and a single one can change a filter's
gradient by a part in a thousand. Both engines are right then, so such samples compare nothing.
"""

from __future__ import annotations

import numpy as np

from cnnrun.bench.training_step import Samples, draw
from cnnrun.config import Experiment, build_network
from cnnrun.data import DatasetInfo
from cnnrun.engine import Context, Layer, Network, Pass
from cnnrun.engine.types import Array

__all__ = ["draw_steady"]

SHAKE = 4e-6
"""Relative size of the random changes that a sample has to stand: some ten times what rounding
does to a sum in float32."""

SHAKES, ROUNDS = 4, 24
DISTINCT, DISTINCT_NORMALISED = 31, 7
"""Different samples in a batch; a batch norm makes each depend on all, so that few can be had.
Odd, so that a batch of copies does not repeat with its shards."""


def draw_steady(experiment: Experiment, info: DatasetInfo, batch: int) -> Samples:
    """Return a batch of samples that stand small changes, copied as often as the batch needs.

    Where a network has so many units that none can be found, the steadiest of some rounds.
    """
    network = build_network(experiment, info, np.float64)
    most = DISTINCT_NORMALISED if network.uses_whole_batch else DISTINCT
    count = min(batch, most)
    spare = draw(experiment, info, count * (ROUNDS + 1))
    chosen = np.arange(count)
    best, fewest = chosen, count + 1
    for round_ in range(ROUNDS):
        shaky = _shaky(network, spare.x[chosen], experiment.seed + round_)
        if shaky.sum() < fewest:
            best, fewest = chosen, int(shaky.sum())
        if not fewest:
            break
        fresh = count * (round_ + 1) + np.arange(count)
        chosen = np.where(shaky, fresh, chosen)
    repeated = best[np.arange(batch) % count]
    return Samples(spare.x[repeated], spare.targets[repeated])


def _shaky(network: Network, x: Array, seed: int) -> Array:
    """Return for each sample whether a unit changes sides when values change a little."""
    rng = np.random.default_rng(seed)
    kept = {name: array.copy() for name, array in network.parameters.items()}
    x = x.astype(np.float64)
    sides = _sides(network, x)
    shaky = np.zeros(len(x), np.bool_)
    for _ in range(SHAKES):
        for name, array in network.parameters.items():
            array[...] = kept[name] * (1 + SHAKE * rng.standard_normal(array.shape))
        moved = _sides(network, x * (1 + SHAKE * rng.standard_normal(x.shape)))
        for one, other in zip(sides, moved, strict=True):
            shaky |= (one != other).reshape(len(x), -1).any(axis=1)
    for name, array in network.parameters.items():
        array[...] = kept[name]
    return shaky


def _sides(network: Network, x: Array) -> list[Array]:
    """Return the choices of all layers on the way, each `(N, ...)`."""
    ctx = Context(Pass(training=True))
    with np.errstate(all="ignore"):
        network.forward(x, ctx)
    found: list[Array] = []
    for name, layer in network.layers.items():
        _collect(layer, ctx.find(name), found)
    return [array.copy() for array in found if len(array) == len(x)]


def _collect(layer: Layer, ctx: Context | None, found: list[Array]) -> None:
    if ctx is None:
        return
    found += [np.asarray(array) for array in layer.branches(ctx) if np.ndim(array)]
    for name, child in layer.children().items():
        _collect(child, ctx.find(name), found)

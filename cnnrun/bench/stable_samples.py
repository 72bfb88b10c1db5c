"""Samples on which two engines must agree: rounding changes no ReLU's sign and no maximum's place.

Where a ReLU's input is almost 0, or two values of a pooling window are almost equal, rounding can
make two engines choose differently, and the error then flows another way. Among a million units a
few are always that close, and one of them can change a filter's gradient by a thousandth. Both
engines are right, so such samples say nothing about either.
"""

from __future__ import annotations

import numpy as np

from cnnrun.bench.training_step import Samples, draw
from cnnrun.config import Experiment, build_network
from cnnrun.data import DatasetInfo
from cnnrun.engine import Context, Layer, Network, Pass
from cnnrun.engine.types import Array

__all__ = ["draw_stable"]

SHAKE = 4e-6
"""Relative size of the random changes under which a sample must not change its choices: about ten
times what rounding does to a sum in float32."""

SHAKES, ROUNDS = 4, 24
DISTINCT, DISTINCT_NORMALISED = 31, 7
"""Different samples in a batch; fewer with batch normalisation, where each depends on all others.
Odd, so that the copies that fill a batch do not repeat from shard to shard."""


def draw_stable(experiment: Experiment, info: DatasetInfo, batch: int) -> Samples:
    """Return a batch of stable samples, copied as often as the batch needs.

    A sample is stable if small random changes of values change none of the network's choices. Where
    a network has so many units that no round finds only stable ones, the best round counts.
    """
    network = build_network(experiment, info, np.float64)
    most = DISTINCT_NORMALISED if network.uses_whole_batch else DISTINCT
    count = min(batch, most)
    spare = draw(experiment, info, count * (ROUNDS + 1))
    chosen = np.arange(count)
    best, fewest = chosen, count + 1
    for round_ in range(ROUNDS):
        unstable = _unstable(network, spare.x[chosen], experiment.seed + round_)
        if unstable.sum() < fewest:
            best, fewest = chosen, int(unstable.sum())
        if not fewest:
            break
        fresh = count * (round_ + 1) + np.arange(count)
        chosen = np.where(unstable, fresh, chosen)
    repeated = best[np.arange(batch) % count]
    return Samples(spare.x[repeated], spare.targets[repeated])


def _unstable(network: Network, x: Array, seed: int) -> Array:
    """Return for each sample whether a unit chooses otherwise when values change a little."""
    rng = np.random.default_rng(seed)
    kept = {name: array.copy() for name, array in network.parameters.items()}
    x = x.astype(np.float64)
    choices = _choices(network, x)
    unstable = np.zeros(len(x), np.bool_)
    for _ in range(SHAKES):
        for name, array in network.parameters.items():
            array[...] = kept[name] * (1 + SHAKE * rng.standard_normal(array.shape))
        moved = _choices(network, x * (1 + SHAKE * rng.standard_normal(x.shape)))
        for one, other in zip(choices, moved, strict=True):
            unstable |= (one != other).reshape(len(x), -1).any(axis=1)
    for name, array in network.parameters.items():
        array[...] = kept[name]
    return unstable


def _choices(network: Network, x: Array) -> list[Array]:
    """Return the choices that all layers make in a forward pass, each `(N, ...)`."""
    ctx = Context(Pass(training=True))
    with np.errstate(all="ignore"):
        network.forward(x, ctx)
    choices: list[Array] = []
    for name, layer in network.layers.items():
        _collect(layer, ctx.find(name), choices)
    return [array.copy() for array in choices if len(array) == len(x)]


def _collect(layer: Layer, ctx: Context | None, choices: list[Array]) -> None:
    """Append the choices of a layer and of those inside it."""
    if ctx is None:
        return
    choices += [np.asarray(array) for array in layer.branches(ctx) if np.ndim(array)]
    for name, child in layer.children().items():
        _collect(child, ctx.find(name), choices)

"""Measures where a step's time goes, layer by layer, while all workers are busy."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from cnnrun.bench.training_step import Samples, TrainingStep
from cnnrun.engine import Context, Layer
from cnnrun.engine.types import Array

__all__ = ["LayerTime", "time_layers"]


@dataclass(frozen=True)
class LayerTime:
    """Milliseconds that a step spends in a layer."""

    forward_ms: float
    backward_ms: float


class _Timed:
    """Takes the place of a layer in the network, and notes how long each pass takes."""

    def __init__(self, layer: Layer, times: dict[str, float]) -> None:
        self._layer = layer
        self._times = times

    def __getattr__(self, name: str) -> Any:
        return getattr(self._layer, name)

    def forward(self, x: Array, ctx: Context) -> Array:
        started = time.perf_counter()
        y = self._layer.forward(x, ctx)
        self._times["forward"] += time.perf_counter() - started
        return y

    def backward(self, dy: Array, ctx: Context) -> Array:
        started = time.perf_counter()
        dx = self._layer.backward(dy, ctx)
        self._times["backward"] += time.perf_counter() - started
        return dx


def time_layers(training: TrainingStep, samples: Samples, seconds: float) -> dict[str, LayerTime]:
    """Return the median time of each layer over some steps, by layer name.

    Where the workers are processes, this one is measured, while it computes its part of the batch
    beside the others. Where they are threads, their times are added and divided by their number.
    """
    network = training.network
    layers = dict(network.layers)
    times: dict[str, dict[str, float]] = {name: defaultdict(float) for name in layers}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in layers}
    stand_ins: dict[str, Any] = {name: _Timed(layer, times[name]) for name, layer in layers.items()}
    network.layers.update(stand_ins)
    try:
        training.step(samples)
        end = time.perf_counter() + seconds
        while len(rounds[next(iter(layers))]) < 5 or time.perf_counter() < end:
            for passes in times.values():
                passes.clear()
            training.step(samples)
            for name, passes in times.items():
                rounds[name].append((passes["forward"], passes["backward"]))
    finally:
        network.layers.update(layers)
    share = training.executor.threads(len(samples.x))
    return {
        name: LayerTime(
            *(1e3 * statistics.median(part) / share for part in zip(*measured, strict=True))
        )
        for name, measured in rounds.items()
    }

"""Measures where a step's time goes, layer by layer, while all workers are busy."""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from cnnrun.bench.training_step import Samples, Subject
from cnnrun.engine import Context, Layer
from cnnrun.engine.types import Array

__all__ = ["LayerTime", "time_layers"]


@dataclass(frozen=True)
class LayerTime:
    """Milliseconds that a step spends in a layer: the time until all workers are done with it."""

    forward_ms: float
    backward_ms: float


class _Timed:
    """Stands in a network for one of its layers, and notes how long each pass takes."""

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


def time_layers(subject: Subject, samples: Samples, seconds: float) -> dict[str, LayerTime]:
    """Return the median time of each layer over some steps, by layer name.

    The layers are measured where this process computes its part of the batch, beside the others
    with theirs. Where the workers are threads, it is the sum over all of them, shared out.
    """
    network = subject.network
    layers = dict(network.layers)
    times: dict[str, dict[str, float]] = {name: defaultdict(float) for name in layers}
    rounds: dict[str, list[tuple[float, float]]] = {name: [] for name in layers}
    stand_ins: dict[str, Any] = {name: _Timed(layer, times[name]) for name, layer in layers.items()}
    network.layers.update(stand_ins)
    try:
        subject.step(samples)
        end = time.perf_counter() + seconds
        while len(rounds[next(iter(layers))]) < 5 or time.perf_counter() < end:
            for found in times.values():
                found.clear()
            subject.step(samples)
            for name, found in times.items():
                rounds[name].append((found["forward"], found["backward"]))
    finally:
        network.layers.update(layers)
    share = subject.executor.threads(len(samples.x))
    return {
        name: LayerTime(
            *(1e3 * statistics.median(part) / share for part in zip(*found, strict=True))
        )
        for name, found in rounds.items()
    }

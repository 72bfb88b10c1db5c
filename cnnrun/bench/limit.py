"""The matrix-product limit: how fast the machine does a network's products, and nothing else.

Every layer with weights needs three products a step: for its output, for the gradient of its
weights, and for the gradient of its input. Here the same products are computed alone, on as many
threads as there are workers, in pieces that fit into the cache. A step cannot be faster, unless its
method needs fewer multiplications, as Winograd's does: then its share of the limit exceeds 100%.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod

import numpy as np
from threadpoolctl import threadpool_limits

from cnnrun.engine import Layer, Network
from cnnrun.engine.types import Array

__all__ = ["Product", "limit_ms", "products"]

PIECE_BYTES = 1 << 20
"""Bytes that one product reads and writes at most, so that it stays in the L2 cache."""

REPEATS, SECONDS = 5, 0.004


@dataclass(frozen=True)
class Product:
    """`count` products (rows x inner) @ (inner x columns) in the forward pass of one sample."""

    rows: int
    inner: int
    columns: int
    count: int = 1


def products(layer: Layer) -> list[Product]:
    """Return the matrix products in one sample's forward pass; [] where a layer has none."""
    inner = [product for child in layer.children().values() for product in products(child)]
    w = layer.params.get("w")
    if w is None or w.ndim not in (2, 4):
        return inner
    if w.ndim == 2:
        return [*inner, Product(1, *w.shape)]
    high, wide, channels, filters = w.shape
    if layer.type_name == "depthwise_conv2d":
        product = Product(prod(layer.output_shape[:2]), high * wide, filters, channels)
    elif layer.type_name == "conv2d_transpose":  # the convolution from its output to its input
        product = Product(prod(layer.input_shape[:2]), high * wide * channels, filters)
    else:
        groups = getattr(layer.config, "groups", 1)
        rows = prod(layer.output_shape[:2])
        product = Product(rows, high * wide * channels, filters // groups, groups)
    return [*inner, product]


def limit_ms(network: Network, batch: int, workers: int) -> dict[str, float]:
    """Return the milliseconds that each layer's matrix products of a step take alone.

    The input gradient of the first layer is left out: a step does not compute it.
    """
    result = {}
    measured: dict[tuple[int, int, int], float] = {}
    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        for index, (name, layer) in enumerate(network.layers.items()):
            total = 0.0
            for product in products(layer):
                whole = -(-product.rows * batch // workers)
                width = product.inner + product.columns
                rows = max(1, min(whole, PIECE_BYTES // (4 * width)))
                sizes = [
                    (rows, product.inner, product.columns),
                    (product.inner, rows, product.columns),
                    (rows, product.columns, product.inner),
                ]
                for size in sizes if index else sizes[:2]:
                    if size not in measured:
                        measured[size] = _gflops(pool, workers, *size)
                    work = 2 * prod((product.rows, product.inner, product.columns, product.count))
                    total += work * batch / measured[size] / 1e6
            result[name] = total
    return result


def _gflops(pool: ThreadPoolExecutor, workers: int, rows: int, inner: int, columns: int) -> float:
    """Return how fast all workers together do such products, in 1e9 operations a second."""
    rng = np.random.default_rng(0)
    sets = []
    for _ in range(workers):
        a = rng.standard_normal((rows, inner), dtype=np.float32)
        b = rng.standard_normal((inner, columns), dtype=np.float32)
        sets.append((a, b, np.empty((rows, columns), np.float32)))
    started = time.perf_counter()
    np.matmul(*sets[0][:2], out=sets[0][2])
    once = max(time.perf_counter() - started, 1e-7)
    repeats = max(1, int(SECONDS / once))

    def run(arrays: tuple[Array, Array, Array]) -> None:
        for _ in range(repeats):
            np.matmul(arrays[0], arrays[1], out=arrays[2])

    speeds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        list(pool.map(run, sets))
        seconds = time.perf_counter() - started
        speeds.append(2e-9 * rows * inner * columns * repeats * workers / seconds)
    return statistics.median(speeds)

"""What runs: a network as it is executed, where a network is what somebody wrote.

Layers may run in another order than the written one, and a convolution by another method than the
direct sum, where the results are the same and come sooner. Every such rewrite is a row of
`REWRITES`. A program for checking has none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cnnrun.engine.context import Context, Order, Pass
from cnnrun.engine.execution.shared_memory import shared_like
from cnnrun.engine.kernels import winograd
from cnnrun.engine.kernels.convolution import winograd_pays
from cnnrun.engine.layer import Layer
from cnnrun.engine.layers import Conv2D, Conv2DTranspose, MaxPool2D, ReLU
from cnnrun.engine.network import Network, Sequential
from cnnrun.engine.types import Array, DType

__all__ = ["REWRITES", "Memory", "Program", "Purpose", "Rewrite"]

Purpose = Literal["training", "inference", "checking"]
Memory = Literal["private", "shared"]


@dataclass(frozen=True)
class Program:
    """How a network is executed for one purpose.

    Attributes:
        purpose: `training` and `inference` run what is fastest; `checking` runs what is written.
        dtype: of all arrays.
        orders: by name of a sequence (`""` for the network, `03_residual/branch`), index and name
            of its layers as they run, where that is not as they are written.
        methods: by layer name, the method of each convolution that is not summed directly.
        gradients: by parameter name, the arrays for a whole batch's gradients, the same ones for
            every batch; none for inference.
        memory: where these lie: in memory that worker processes share, or not.
    """

    purpose: Purpose
    dtype: DType
    orders: Mapping[str, Order] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)
    memory: Memory = "private"

    @classmethod
    def of(
        cls, network: Network, purpose: Purpose = "training", memory: Memory = "private"
    ) -> Program:
        """Return the program of a network for a purpose."""
        orders: dict[str, Order] = {}
        methods: dict[str, str] = {}
        gradients: Mapping[str, Array] = {}
        if purpose != "checking":
            for rewrite in REWRITES:
                rewrite.apply(network, orders, methods)
        if purpose != "inference":
            like = network.parameters
            gradients = (
                shared_like(like)
                if memory == "shared"
                else {name: np.zeros_like(array, order="C") for name, array in like.items()}
            )
        return cls(purpose, network.dtype, orders, methods, gradients, memory)

    def context(self) -> Context:
        """Return a context in which the network runs as this program says."""
        return Context(Pass(orders=self.orders, methods=self.methods))

    def method(self, name: str, layer: Layer) -> str | None:
        """Return how a layer's convolution is computed; None for a layer without one."""
        is_convolution = isinstance(layer, Conv2D | Conv2DTranspose)
        return self.methods.get(name, "columns") if is_convolution else None


@dataclass(frozen=True)
class Rewrite:
    """A change of what runs that leaves the results as they are.

    Attributes:
        name: of the rewrite.
        why: it may be done, and what it is good for.
        apply: enters what it changes in a network into the orders and the methods.
    """

    name: str
    why: str
    apply: Callable[[Network, dict[str, Order], dict[str, str]], None]


def _relu_after_max_pooling(
    network: Network, orders: dict[str, Order], methods: dict[str, str]
) -> None:
    if network.dtype != np.float32:  # in float64 only checks run, whose speed it hardly changes
        return
    for name, sequence in _sequences(network):
        order = list(orders.get(name, enumerate(sequence.layers)))
        for place in range(len(order) - 1):
            first, second = (type(sequence.layers[key]) for _, key in order[place : place + 2])
            if first is ReLU and second is MaxPool2D:  # a subclass may do otherwise
                order[place], order[place + 1] = order[place + 1], order[place]
        if order != list(enumerate(sequence.layers)):
            orders[name] = order


def _winograd(network: Network, orders: dict[str, Order], methods: dict[str, str]) -> None:
    wanted = network.convolution
    for name, layer in network.walk():
        if not isinstance(layer, Conv2D | Conv2DTranspose) or wanted == "columns":
            continue
        w, groups = layer.params["w"], getattr(layer.config, "groups", 1)
        pays = winograd_pays(layer.window, w.shape[2], w.shape[3] // groups)
        fits = winograd.fits(layer.window)
        if fits and (wanted == "winograd" or (pays and network.dtype == np.float32)):
            methods[name] = "winograd"


REWRITES = (
    Rewrite(
        "relu after max pooling",
        "The larger of two numbers is the larger one after ReLU too, and where all are negative no "
        "error passes either way: the same bits and gradients, for 2x2 at a quarter of the work.",
        _relu_after_max_pooling,
    ),
    Rewrite(
        "winograd",
        "Minimal filtering saves half of a 3x3 convolution's multiplications. Its float32 results "
        "are off by less than 1e-5 of the largest value, to which tests hold it.",
        _winograd,
    ),
)


def _sequences(network: Network) -> list[tuple[str, Sequential]]:
    """Return the network under the name `""`, and every sequence inside a layer, by full name."""
    inner = [
        (f"{name}/{side}", sequence)
        for name, layer in network.walk()
        for side, sequence in layer.sequences().items()
    ]
    return [("", network), *inner]

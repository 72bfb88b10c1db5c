"""Mistakes in what runs, not in what is written: methods, order, workers, float32, compiled code.

In float64, layer by layer and as it is written, everything stays right: only a check of the
training step itself can find these. Each replaces a function of the engine while it is planted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrun.engine import Context, Network
from cnnrun.engine import layers as of
from cnnrun.engine.execution import program, sums, work
from cnnrun.engine.execution.processes import Processes
from cnnrun.engine.execution.shared_memory import can_fork
from cnnrun.engine.execution.threads import Threads
from cnnrun.engine.kernels import accelerated, winograd
from cnnrun.engine.layers import dense, relu
from cnnrun.engine.types import Array

__all__ = ["EXECUTION_MUTANTS", "ExecutionMutant", "mutant_network"]


def mutant_network(seed: int) -> Network:
    """Return the network that mistakes are planted in; it has all that can be executed otherwise.

    Its convolutions run by both methods, and a ReLU behind max pooling.
    """
    configs = [
        of.Conv2D.Config(4, 5),
        of.ReLU.Config(),
        of.MaxPool2D.Config(2),
        of.Conv2D.Config(6, 3, padding="same"),
        of.BatchNorm.Config(),
        of.ReLU.Config(),
        of.AvgPool2D.Config(2),
        of.Flatten.Config(),
        of.Dense.Config(12),
        of.Tanh.Config(),
        of.Dense.Config(4),
    ]
    network = Network(configs, (20, 20, 1))
    rng = np.random.default_rng(seed)
    for array in network.parameters.values():
        array += 0.1 * rng.standard_normal(array.shape).astype(array.dtype)
    return network


@dataclass(frozen=True)
class ExecutionMutant:
    """A planted mistake.

    Attributes:
        name: what is wrong, in words.
        layers: those that run wrongly, any of which may be blamed; all of them where it is empty.
        owner, attribute: the module or class, and its function that is replaced.
        replace: returns the wrong function for the right one.
    """

    name: str
    layers: tuple[str, ...]
    owner: Any
    attribute: str
    replace: Callable[[Any], Any]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Let the engine run with the mistake."""
        right = getattr(self.owner, self.attribute)
        setattr(self.owner, self.attribute, self.replace(right))
        try:
            yield
        finally:
            setattr(self.owner, self.attribute, right)


def _then(position: int, change: Callable[[Array], None]) -> Callable[[Any], Any]:
    """Return a replacement that changes the argument at `position` after the right function."""

    def replace(right: Any) -> Any:
        def wrong(*args: Any, **kwargs: Any) -> Any:
            result = right(*args, **kwargs)
            if args[position].dtype == np.float32:
                change(args[position])
            return result

        return wrong

    return replace


def _scale(factor: float) -> Callable[[Array], None]:
    def change(array: Array) -> None:
        array *= np.float32(factor)

    return change


def _shift_a_row(array: Array) -> None:
    rows = array if array.ndim == 4 else array.reshape(len(array), -1)
    rows[:, 1:] = rows[:, :-1].copy()


def _forget_last_row(array: Array) -> None:
    array[:, -1] = 0


def _coarse(array: Array) -> None:
    array[...] = array.astype(np.float16)


def _relu_behind_average(right: Any) -> Any:
    def moved(network: Network, orders: Any, methods: Any) -> None:
        order = list(orders.get("", enumerate(network.layers)))
        place = [name for _, name in order].index("05_relu")
        order[place : place + 2] = reversed(order[place : place + 2])
        orders[""] = order

    return (*right, program.Rewrite("wrong", "a mistake", moved))


def _shard_added_twice(right: Any) -> Any:
    def wrong(self: Any, shards: Any, contexts: Any) -> Any:
        results = right(self, shards, contexts)
        if len(results) > 1:
            for gradient in results[-1].gradients.values():
                gradient *= 2
        return results

    return wrong


def _sum_without_last(right: Any) -> Any:
    def wrong(self: Any, results: Any) -> None:
        right(self, results[:1])

    return wrong


def _own_part_alone(right: Any) -> Any:
    def wrong(ctx: Context, array: Array) -> Array:
        return array.copy()

    return wrong


def _dropped_bias(right: Any) -> Any:
    def wrong(gradients: Any, places: Any) -> None:
        right(gradients, places)
        for name, place in places.items():
            if name == "08_dense/b":
                place[0] = 0

    return wrong


FILTERS, POOL = ("03_conv2d",), ("02_max_pool2d",)
RELUS, DENSE = ("01_relu", "05_relu"), ("08_dense", "10_dense")
WINOGRAD_DW, RELU_DX = 3, 2  # where the functions take what they write

EXECUTION_MUTANTS = [
    ExecutionMutant(
        "Winograd's filter gradient 10% off", FILTERS, winograd, "filter_gradient",
        _then(WINOGRAD_DW, _scale(1.1)),
    ),
    ExecutionMutant(
        "Winograd's filter gradient 0.1% off", FILTERS, winograd, "filter_gradient",
        _then(WINOGRAD_DW, _scale(1.001)),
    ),
    ExecutionMutant(
        "Winograd's input gradient without its last row", FILTERS, winograd, "input_gradient",
        _then(3, _forget_last_row),
    ),
    ExecutionMutant(
        "ReLU moved behind average pooling", ("05_relu",), program, "REWRITES", _relu_behind_average
    ),
    ExecutionMutant(
        "a worker adds its shard twice", (), Processes if can_fork() else Threads, "compute",
        _shard_added_twice,
    ),
    ExecutionMutant(
        "the last shard's gradients are not added", (), sums.ShardGradients, "add",
        _sum_without_last,
    ),
    ExecutionMutant(
        "batch norm's sums of one shard alone", ("04_batch_norm",), Context, "all_reduce",
        _own_part_alone,
    ),
    ExecutionMutant(
        "the gradient of ReLU a row off in float32", RELUS, relu, "relu_gradient",
        _then(RELU_DX, _shift_a_row),
    ),
    ExecutionMutant(
        "a product in half precision", DENSE, dense, "times_transposed", _then(2, _coarse)
    ),
    ExecutionMutant(
        "a gradient lost on the way to its place", DENSE[:1], work, "put_in_place",
        _dropped_bias,
    ),
]  # fmt: skip

if compiled := accelerated.kernels():
    EXECUTION_MUTANTS += [
        ExecutionMutant(
            "the compiled gradient of ReLU a row off", RELUS, compiled, "relu_gradient",
            _then(2, lambda array: array.__setitem__(slice(8, None), array[:-8].copy())),
        ),
        ExecutionMutant(
            "the compiled gradient of max pooling a row off", POOL, compiled,
            "max_pool_2x2_backward", _then(2, _shift_a_row),
        ),
    ]  # fmt: skip

"""Finds where values stopped being finite: in a training pass, in an update, in a prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.context import Context, Observer, Pass
from cnnrun.engine.execution.executor import Executor
from cnnrun.engine.losses.base import Loss
from cnnrun.engine.network import Network
from cnnrun.engine.types import Array

__all__ = [
    "NonFinite",
    "find_nonfinite",
    "find_nonfinite_prediction",
    "find_nonfinite_state",
]


@dataclass(frozen=True)
class NonFinite:
    """Where the first value that is not finite appeared.

    Attributes:
        layer: its full name; `input` or `loss` where no layer is to blame; for an update that of
            the array, such as `00_conv2d/w` or the optimizer's `square/00_conv2d/w`.
        stage: the pass it appeared in.
    """

    layer: str
    stage: Literal["forward", "loss", "backward", "update"]

    def __str__(self) -> str:
        if self.stage == "loss":
            return "in the loss"
        if self.layer == "input":
            return "in the input data"
        if self.stage == "update":
            return f"in {self.layer} after the update"
        return f"first in layer {self.layer}, {self.stage}"


def find_nonfinite(
    network: Network,
    loss: Loss,
    x: Array,
    targets: Array,
    *,
    seed: int = 0,
    step: int = 0,
    shard_size: int | None = None,
) -> NonFinite | None:
    """Repeat the training pass of one batch and return where it stopped being finite.

    Returns None when everything, parameter gradients included, is finite.
    """
    if not np.isfinite(x).all():
        return NonFinite("input", "forward")
    firsts: dict[int, tuple[int, str, str]] = {}  # by shard: after how many calls, and where

    def observers(shard: int) -> Observer:
        calls = 0

        def observe(name: str, kind: str, array: Array) -> None:
            nonlocal calls
            calls += 1
            if kind in ("y", "dx") and shard not in firsts and not np.isfinite(array).all():
                firsts[shard] = (calls, name, "forward" if kind == "y" else "backward")

        return observe

    with Executor(network, loss, shard_size=shard_size) as executor:
        result = executor.step(x, targets, seed=seed, step=step, observers=observers)
    # All shards make the same calls, so the smallest count is the earliest place.
    first = min(firsts.values(), default=None)
    if first and first[2] == "forward":
        return NonFinite(first[1], "forward")
    if not np.isfinite(result.loss):
        return NonFinite("loss", "loss")
    bad = [name for name, g in result.gradients.items() if not np.isfinite(g).all()]
    if bad and not first:
        return NonFinite(bad[-1].rpartition("/")[0], "backward")  # backward runs from the end
    return NonFinite(first[1], "backward") if first else None


def find_nonfinite_state(
    network: Network, optimizer_state: Mapping[str, Array]
) -> NonFinite | None:
    """Return the first parameter, buffer or array of the optimizer that is not finite, if any."""
    for name, array in (*network.state().items(), *optimizer_state.items()):
        if not np.isfinite(array).all():
            return NonFinite(name, "update")
    return None


def find_nonfinite_prediction(
    network: Network, loss: Loss, x: Array, targets: Array
) -> NonFinite | None:
    """Run a batch forward, outside training, and return where it stopped being finite, if it did.

    It takes the direct sums, so that an overflow in a faster method alone is not found.
    """
    if not np.isfinite(x).all():
        return NonFinite("input", "forward")
    firsts: list[str] = []

    def observe(name: str, kind: str, array: Array) -> None:
        if kind == "y" and not np.isfinite(array).all():
            firsts.append(name)

    with np.errstate(all="ignore"):
        outputs = network.forward(x, Context(Pass(observer=observe)))
        value, _ = loss(outputs, targets, len(x))
    if firsts:
        return NonFinite(firsts[0], "forward")
    return None if np.isfinite(value) else NonFinite("loss", "loss")

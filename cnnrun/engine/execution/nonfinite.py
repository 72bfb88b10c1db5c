"""Finds the layer in which a loss or a gradient stopped being finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cnnrun.engine.context import Observer
from cnnrun.engine.execution.executor import Executor
from cnnrun.engine.losses.base import Loss
from cnnrun.engine.network import Network
from cnnrun.engine.types import Array

__all__ = ["NonFinite", "find_nonfinite"]


@dataclass(frozen=True)
class NonFinite:
    """Where the first value that is not finite appeared.

    Attributes:
        layer: its full name; `input` or `loss` where no layer is to blame.
        stage: the pass it appeared in.
    """

    layer: str
    stage: Literal["forward", "loss", "backward"]

    def __str__(self) -> str:
        if self.stage == "loss":
            return "in the loss"
        if self.layer == "input":
            return "in the input data"
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

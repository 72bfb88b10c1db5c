"""One training step as the executor runs it, with all that flowed through every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np

from cnnrun.engine import Context, Executor, Layer, Loss, Network
from cnnrun.engine.context import Observer
from cnnrun.engine.execution.program import Program
from cnnrun.engine.layer import NO_GRADIENT
from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import STEP

__all__ = ["Recording"]


@dataclass(frozen=True)
class Recording:
    """What a step gave.

    Attributes:
        program: what ran.
        flow: copies by shard, layer and `x`, `y`, `dx`, `dy`.
        outputs: of the network.
        loss: the mean over the batch.
        gradients: of the whole batch, by parameter name.
    """

    program: Program
    flow: Mapping[tuple[int, str, str], Array]
    outputs: Array
    loss: float
    gradients: Mapping[str, Array]

    @classmethod
    def of(
        cls, network: Network, loss: Loss, x: Array, targets: Array, shard_size: int, seed: int
    ) -> Recording:
        """Record one step of a network; its parameters stay as they are."""
        flow: dict[tuple[int, str, str], Array] = {}

        def observers(shard: int) -> Observer:
            # One layer's y is the next one's x, and is copied once. By direction and id; the
            # original is kept, or another array could get its id.
            copies: dict[tuple[bool, int], tuple[Array, Array]] = {}

            def observe(name: str, kind: str, array: Array) -> None:
                key = kind in ("x", "y"), id(array)
                if key not in copies:
                    copies[key] = array, np.array(array)
                flow[shard, name, kind] = copies[key][1]

            return observe

        with Executor(network, loss, shard_size=shard_size) as executor:
            step = executor.step(x, targets, seed=seed, step=STEP, observers=observers)
            gradients = {name: array.copy() for name, array in step.gradients.items()}
            return cls(
                executor.program, flow, step.outputs.copy(), step.loss,
                gradients,
            )  # fmt: skip

    def flow_through(self, name: str, shards: tuple[int, ...]) -> dict[str, Array]:
        """Return what flowed through a layer, for some shards one after the other."""
        return {
            kind: np.concatenate([self.flow[shard, name, kind] for shard in shards])
            for kind in ("x", "y", "dy", "dx")
            if (shards[0], name, kind) in self.flow
        }

    def replay(self, layer: Layer, name: str) -> None:
        """Let a layer give in each pass what it gave in the recording, for the pass's shard.

        So the layer it stands in can be run by itself.
        """

        def forward(_: Layer, x: Array, ctx: Context) -> Array:
            return self.flow[ctx.run.shard, name, "y"].astype(np.float64)

        def backward(_: Layer, dy: Array, ctx: Context) -> Array:
            dx: Any = self.flow.get((ctx.run.shard, name, "dx"), NO_GRADIENT)
            return np.asarray(dx, np.float64)

        layer.forward = MethodType(forward, layer)  # type: ignore[method-assign]
        layer.backward = MethodType(backward, layer)  # type: ignore[method-assign]

"""What a worker does, in whichever thread or process: a shard's pass, a part of an update."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import Shard, UpdateOrder
from cnnrun.engine.execution.program import Program
from cnnrun.engine.execution.sums import put_in_place
from cnnrun.engine.losses.base import Loss
from cnnrun.engine.network import Network
from cnnrun.engine.optimizers.base import Optimizer, State
from cnnrun.engine.types import Array

__all__ = ["Work"]


@dataclass(frozen=True)
class Work:
    """The network, its loss and its optimizer, as the orders of an executor use them."""

    network: Network
    loss: Loss
    program: Program
    optimizer: Optimizer | None
    state: State

    def compute(self, shard: Shard, ctx: Context) -> float:
        """Compute one shard: outputs, and in a step gradients; return its part of the loss.

        NumPy's warnings are off: what is not finite is looked for by the caller.
        """
        order, run = shard.order, ctx.run
        run.training, run.seed = shard.targets is not None, order.seed
        run.step, run.shard = order.step, order.shard
        ctx.needs_input_gradient = False
        with np.errstate(all="ignore"):
            y = self.network.forward(shard.x, ctx)
            shard.outputs[...] = y
            if shard.targets is None:
                return 0.0
            dy = ctx.buffer("loss/dy", y.shape, y.dtype)
            loss, dy = self.loss(y, shard.targets, order.batch, dy)
            self.network.backward(dy, ctx)
            put_in_place(ctx.collect("gradients"), run.gradients)
        return loss

    def update(self, order: UpdateOrder) -> float:
        """Change a part of the parameters; return what the optimizer does."""
        return self.change(order, self.network.parameters, self.program.gradients, self.state)

    def change(
        self,
        order: UpdateOrder,
        parameters: Mapping[str, Array],
        gradients: Mapping[str, Array],
        state: State,
    ) -> float:
        """Let the optimizer change these parameters, or slices of them, as an order says."""
        assert self.optimizer is not None
        return self.optimizer.update(
            parameters,
            gradients,
            state,
            learning_rate=order.learning_rate,
            step=order.step,
            spared=self.network.spared_from_decay,
            norm=order.norm,
            part=order.part,
            parts=order.parts,
        )

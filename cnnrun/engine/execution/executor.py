"""Runs a network over a batch: shards side by side, their gradients added in a fixed order.

The shards of a batch are fixed by `shard_size` alone and every sum over them is taken in the order
of one tree, so that any number of workers gives the same bits. The BLAS is held to one thread,
since shards side by side beat threads inside each product. Who computes a shard is for `crew.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from cnnrun.engine.context import Context, Observer
from cnnrun.engine.execution.crew import Crew
from cnnrun.engine.execution.messages import Shard, ShardOrder, UpdateOrder
from cnnrun.engine.execution.pace import Pace
from cnnrun.engine.execution.program import Program, Purpose
from cnnrun.engine.execution.shards import cut
from cnnrun.engine.execution.shared_memory import can_fork, shared_copies
from cnnrun.engine.execution.sums import ShardGradients, sum_in_order
from cnnrun.engine.execution.work import Work
from cnnrun.engine.kernels.accelerated import kernels
from cnnrun.engine.losses.base import Loss
from cnnrun.engine.network import Network
from cnnrun.engine.optimizers.base import Optimizer, State, global_norm
from cnnrun.engine.types import Array
from cnnrun.errors import ShapeError

__all__ = ["Executor", "StepResult"]


@dataclass(frozen=True)
class StepResult:
    """What a training pass gave; the arrays are valid until the executor's next call.

    Attributes:
        loss: the mean over the batch; of the parts so far, their share of it.
        outputs: of the network, `(N, *output_shape)`.
        gradients: of the loss, by parameter name.
        updates: new values of buffers, by name.
        counts: whether these outputs are of samples that no other rank has.
    """

    loss: float
    outputs: Array
    gradients: dict[str, Array]
    updates: dict[str, Array]
    counts: bool = True


class Executor:
    """Runs passes of one network; close it, or use it in a `with` statement.

    While it is open the BLAS of the whole process is held to one thread. An executor with several
    workers moves the arrays of the network and of the optimizer's state to memory that its
    processes share.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        *,
        workers: int = 1,
        shard_size: int | None = None,
        optimizer: Optimizer | None = None,
        optimizer_state: State | None = None,
        purpose: Purpose = "training",
        pace: Pace | None = None,
    ) -> None:
        """Prepare to run `network` with shards of `shard_size` samples on so many workers.

        By default a batch is cut into as many as pay for its work; see `shards.cut`. The optimizer
        and its state are what `update` works with. A pace learns from the first steps whether so
        many workers pay.
        """
        self.network = network
        self.loss = loss
        self.workers = workers
        self.shard_size = shard_size
        kernels()  # loaded here, or each worker process would do it
        self._multiply_adds = network.multiply_adds()
        self._contexts: list[Context] = []
        self._losses: list[float] = []  # of the shards of the step at hand
        self._optimizer = optimizer
        state: State = {} if optimizer_state is None else optimizer_state
        self._outputs = Context()  # only for its reusable buffers
        shares = workers > 1 and can_fork()
        if shares:
            network.bind(shared_copies(network.state()))
            state.update(shared_copies(state))
        self.program = Program.of(network, purpose, "shared" if shares else "private")
        self._work = self._make_work(state)
        self._gradients = ShardGradients(self.program.gradients)
        self._pace = pace or Pace(is_known=True)
        self._crew = Crew(self.program, self._work, self._sum, workers, self._pace, shares=shares)
        self._blas_limit = threadpool_limits(1, user_api="blas")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers, and let the BLAS use its threads again."""
        self._crew.close()
        self._blas_limit.restore_original_limits()

    def step(
        self,
        x: Array,
        targets: Array,
        *,
        seed: int,
        step: int,
        observers: Callable[[int], Observer] | None = None,
        batch: int | None = None,
        is_first: bool = True,
        samples: int | None = None,
    ) -> StepResult:
        """Run a training pass forward and backward; parameters and buffers stay as they are.

        A batch may come in parts, one call each, whose shards are then numbered on and whose losses
        and gradients are added up. The results are those of the batch at once, to the bit, if that
        is cut into the same shards; but buffers get their new values between the parts.

        Args:
            x: `(N, *input_shape)` in the network's dtype.
            targets: `(N, ...)`, as the loss takes them.
            seed: what dropout derives its masks from.
            step: the number of steps done, which they derive from as well.
            observers: gives each shard, by number, an observer of its layers.
            batch: samples of the whole batch, if x is a part of one.
            is_first: whether it is the first part.
            samples: of the batch, or part, of which x are those that this rank computes; by
                default these are all.

        Raises:
            ShapeError: x does not fit the network.
        """
        self._check(x)
        if is_first:
            self._losses = []
            self._gradients.begin(is_whole=batch in (None, len(x)))
        else:
            self._put_updates()
        outputs = self._output_buffer(len(x))
        order = ShardOrder(batch or len(x), seed, step, shard=len(self._losses))
        with self._pace.step(self.workers) as at_once:
            self._losses += self._run(order, x, targets, outputs, observers, at_once)
        self._gradients.total()
        loss = float(sum_in_order([np.array(part) for part in self._losses]))
        updates = self._contexts[0].collect("updates")
        return StepResult(loss, outputs, dict(self.program.gradients), updates)

    def update(self, *, learning_rate: float, step: int, norm: float | None = None) -> float:
        """Apply the last step: the optimizer changes the parameters, and buffers get new values.

        Arguments and result are those of `Optimizer.update`.

        Raises:
            ValueError: the executor was made without an optimizer.
        """
        if self._work.optimizer is None:
            raise ValueError("an executor without an optimizer cannot update")
        if norm is None:  # before anybody overwrites the gradients
            norm = self.gradient_norm()
        order = UpdateOrder(learning_rate, step, norm)
        norm = self._crew.update(order, self.network.parameter_count)
        self._put_updates()
        return norm

    def gradient_norm(self) -> float:
        """Return the global norm of the last step's gradients, before `update` changes them."""
        return global_norm(self.program.gradients)

    def gather_gradients(self) -> Mapping[str, Array]:
        """Return the gradients of the last step, by parameter name, all of them."""
        return self.program.gradients

    def gather_state(self) -> None:
        """See that the optimizer's state is here, all of it."""

    @property
    def processes(self) -> list[int]:
        """The numbers of the worker processes, once there are any."""
        return self._crew.processes

    def threads(self, samples: int) -> int:
        """Return how many shards of a training batch are computed at once in this process."""
        shards = len(self._cut(samples))
        enough = not self.network.uses_whole_batch or shards <= self.workers
        return 1 if can_fork() and enough else min(self.workers, shards)

    def evaluate(self, x: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss of a batch, as a mean, and the network's outputs, outside training."""
        outputs = self.predict(x)
        with np.errstate(all="ignore"):  # as in `Work.compute`
            loss, _ = self.loss(outputs, targets, len(x))
        return loss, outputs

    def predict(self, x: Array) -> Array:
        """Return the network's outputs `(N, *output_shape)`; valid until the next call.

        Raises:
            ShapeError: x does not fit the network.
        """
        self._check(x)
        outputs = self._output_buffer(len(x))
        self._run(ShardOrder(), x, None, outputs, None, self.workers)
        return outputs

    def _make_work(self, state: State) -> Work:
        return Work(self.network, self.loss, self.program, self._optimizer, state)

    def _sum(self, parts: Sequence[Array]) -> Array:
        """Return the sum over the shards in flight, which layers ask for by `all_reduce`."""
        return sum_in_order(parts)

    def _put_updates(self) -> None:
        """Give buffers the new values of the last pass."""
        for name, value in self._contexts[0].collect("updates").items():
            self.network.buffers[name][...] = value

    def _run(
        self,
        order: ShardOrder,
        x: Array,
        targets: Array | None,
        outputs: Array,
        observers: Callable[[int], Observer] | None,
        at_once: int,
    ) -> list[float]:
        """Compute all shards, some at once; return their losses, fill outputs and gradients."""
        parts = self._cut(len(x))
        shards = [
            Shard(
                replace(order, samples=part.stop - part.start, shard=order.shard + number),
                x[part],
                targets[part] if targets is not None else None,
                outputs[part],
            )
            for number, part in enumerate(parts)
        ]
        # Layers that sum over the whole batch wait for one another: then all are in flight.
        together = targets is not None and self.network.uses_whole_batch
        lanes = len(shards) if together else max(1, min(at_once, len(shards)))
        workers = self._crew.suited_to(shards[0], lanes, observed=observers is not None)
        losses: list[float] = []
        for first in range(0, len(shards), lanes):
            batch = shards[first : first + lanes]
            results = workers.compute(batch, self._contexts_for(batch, observers))
            if targets is not None:
                self._gradients.add(results)
            losses += [result.loss for result in results]
        return losses

    def _contexts_for(
        self, shards: Sequence[Shard], observers: Callable[[int], Observer] | None
    ) -> list[Context]:
        """Return a context for each shard in flight, which says where its gradients go."""
        while len(self._contexts) < len(shards):
            self._contexts.append(self.program.context())
        contexts = self._contexts[: len(shards)]
        for shard, ctx in zip(shards, contexts, strict=True):
            ctx.run.observer = observers(shard.order.shard) if observers else None
        if shards[0].targets is not None:
            for ctx, arrays in zip(contexts, self._gradients.lend(len(shards)), strict=True):
                ctx.run.gradients = arrays
        return contexts

    def _cut(self, samples: int) -> list[slice]:
        return cut(samples, self.shard_size, self._multiply_adds)

    def _check(self, x: Array) -> None:
        if x.shape[1:] != self.network.input_shape or not len(x):
            expected = ", ".join(str(size) for size in self.network.input_shape)
            raise ShapeError(f"the network takes a batch of shape (N, {expected}), got {x.shape}")
        if x.dtype != self.network.dtype:
            raise ShapeError(f"the network computes in {self.network.dtype}, got {x.dtype}")

    def _output_buffer(self, samples: int) -> Array:
        shape = (samples, *self.network.output_shape)
        return self._outputs.buffer("outputs", shape, self.network.dtype)

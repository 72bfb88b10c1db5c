"""Runs a network over a batch: shards on worker threads, gradients added in shard order.

The shards of a batch are fixed by `shard_size` alone and every sum over them is taken in shard
order, so that any number of workers gives the same bits. The BLAS is held to one thread, since
threads on shards beat threads inside each product.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Barrier, BrokenBarrierError, Semaphore
from types import TracebackType
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from cnnrun.engine.context import Context, Observer
from cnnrun.engine.losses.base import Loss
from cnnrun.engine.network import Network
from cnnrun.engine.types import Array
from cnnrun.errors import ShapeError

__all__ = ["Executor", "StepResult"]


@dataclass(frozen=True)
class StepResult:
    """What a training pass found; the arrays are valid until the executor's next call.

    Attributes:
        loss: the mean over the batch.
        outputs: of the network, `(N, *output_shape)`.
        gradients: of the loss, by parameter name.
        updates: new values of buffers, by name.
    """

    loss: float
    outputs: Array
    gradients: dict[str, Array]
    updates: dict[str, Array]


class Executor:
    """Runs passes of one network; close it, or use it in a `with` statement.

    While it is open the BLAS of the whole process is held to one thread.
    """

    def __init__(
        self, network: Network, loss: Loss, *, workers: int = 1, shard_size: int = 32
    ) -> None:
        """Prepare to run `network` with shards of `shard_size` samples on `workers` threads."""
        self.network = network
        self.loss = loss
        self.workers = workers
        self.shard_size = shard_size
        self._contexts: list[Context] = []
        self._totals: dict[str, Array] = {}
        self._outputs = Context()  # only for its reusable buffers
        self._pool: ThreadPoolExecutor | None = None
        self._pool_size = 0
        self._blas_limit = threadpool_limits(1, user_api="blas")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and give the BLAS its own back."""
        if self._pool:
            self._pool.shutdown()
            self._pool = None
        self._blas_limit.restore_original_limits()

    def step(
        self,
        x: Array,
        targets: Array,
        *,
        seed: int,
        step: int,
        observers: Callable[[int], Observer] | None = None,
    ) -> StepResult:
        """Run a training pass forward and backward; parameters and buffers stay as they are.

        Args:
            x: `(N, *input_shape)` in the network's dtype.
            targets: `(N, ...)`, as the loss takes them.
            seed: what dropout derives its masks from.
            step: the number of steps done, which they derive from as well.
            observers: gives each shard, by number, an observer of its layers.

        Raises:
            ShapeError: x does not fit the network.
        """
        self._check(x)
        shards = self._shards(len(x))
        losses = [0.0] * len(shards)
        outputs = self._output_buffer(len(x))
        # Layers that sum over the whole batch wait for one another, so all shards are in flight.
        lanes = len(shards) if self.network.uses_whole_batch else self._lanes(len(shards))
        slots = Semaphore(self.workers)
        reduce = _AllReduce(lanes, slots) if self.network.uses_whole_batch else None

        def run(shard: int, ctx: Context) -> None:
            part = shards[shard]
            ctx.needs_input_gradient = False
            shared = ctx.run
            shared.training, shared.seed, shared.step, shared.shard = True, seed, step, shard
            shared.observer = observers(shard) if observers else None
            shared.all_reduce = reduce.part(shard) if reduce else np.copy
            with slots:
                try:
                    y = self.network.forward(x[part], ctx)
                    dy = ctx.buffer("loss/dy", y.shape, y.dtype)
                    losses[shard], dy = self.loss(y, targets[part], len(x), dy)
                    outputs[part] = y
                    self.network.backward(dy, ctx)
                except BaseException:
                    if reduce:
                        reduce.abort()
                    raise

        for first in range(0, len(shards), lanes):
            together = range(first, min(first + lanes, len(shards)))
            self._run_lanes(run, together)
            for shard, ctx in zip(together, self._contexts, strict=False):
                self._add(ctx.collect("gradients"), is_first=shard == 0)
        gradients = {name: self._totals[name] for name in self.network.parameters}
        return StepResult(sum(losses), outputs, gradients, self._contexts[0].collect("updates"))

    def evaluate(self, x: Array, targets: Array) -> tuple[float, Array]:
        """Return the loss of a batch, as a mean, and the network's outputs, outside training."""
        outputs = self.predict(x)
        loss, _ = self.loss(outputs, targets, len(x))
        return loss, outputs

    def predict(self, x: Array) -> Array:
        """Return the network's outputs `(N, *output_shape)`; valid until the next call.

        Raises:
            ShapeError: x does not fit the network.
        """
        self._check(x)
        shards = self._shards(len(x))
        outputs = self._output_buffer(len(x))

        def run(shard: int, ctx: Context) -> None:
            ctx.run.training, ctx.run.observer = False, None
            outputs[shards[shard]] = self.network.forward(x[shards[shard]], ctx)

        lanes = self._lanes(len(shards))
        for first in range(0, len(shards), lanes):
            self._run_lanes(run, range(first, min(first + lanes, len(shards))))
        return outputs

    def _shards(self, samples: int) -> list[slice]:
        size = self.shard_size
        return [slice(start, min(start + size, samples)) for start in range(0, samples, size)]

    def _lanes(self, shards: int) -> int:
        return max(1, min(self.workers, shards))

    def _check(self, x: Array) -> None:
        if x.shape[1:] != self.network.input_shape or not len(x):
            expected = ", ".join(str(size) for size in self.network.input_shape)
            raise ShapeError(f"the network takes a batch of shape (N, {expected}), got {x.shape}")
        if x.dtype != self.network.dtype:
            raise ShapeError(f"the network computes in {self.network.dtype}, got {x.dtype}")

    def _output_buffer(self, samples: int) -> Array:
        shape = (samples, *self.network.output_shape)
        return self._outputs.buffer("outputs", shape, self.network.dtype)

    def _run_lanes(self, run: Callable[[int, Context], None], shards: range) -> None:
        """Run the shards side by side, each with a context of its own."""
        while len(self._contexts) < len(shards):
            self._contexts.append(Context())
        jobs = list(zip(shards, self._contexts, strict=False))
        if len(jobs) == 1:
            _quietly(run, *jobs[0])
            return
        if self._pool is None or self._pool_size < len(jobs):
            if self._pool:
                self._pool.shutdown()
            self._pool, self._pool_size = ThreadPoolExecutor(len(jobs)), len(jobs)
        futures = [self._pool.submit(_quietly, run, shard, ctx) for shard, ctx in jobs]
        wait(futures)
        errors = [error for future in futures if (error := future.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error  # what went wrong, before what only waited for it

    def _add(self, gradients: dict[str, Array], is_first: bool) -> None:
        """Add one shard's gradients to the batch's; the first shard's replace the last batch's."""
        for name, gradient in gradients.items():
            if name not in self._totals:
                self._totals[name] = gradient.copy()
            elif is_first:
                np.copyto(self._totals[name], gradient)
            else:
                self._totals[name] += gradient


def _quietly(run: Callable[[int, Context], None], shard: int, ctx: Context) -> None:
    """Run a shard without NumPy's warnings: what is not finite is looked for by the caller."""
    with np.errstate(all="ignore"):
        run(shard, ctx)


class _AllReduce:
    """Sums arrays over shards that run on as many threads, `slots` of them at a time."""

    def __init__(self, shards: int, slots: Semaphore) -> None:
        self._slots = slots
        self._parts: list[Any] = [None] * shards
        self._total: Any = None
        self._barrier = Barrier(shards, action=self._sum)

    def part(self, shard: int) -> Callable[[Array], Array]:
        """Return the function that hands in `shard`'s array and waits for the total."""

        def all_reduce(array: Array) -> Array:
            self._parts[shard] = array
            self._slots.release()  # let another shard run while this one waits
            try:
                self._barrier.wait()
            finally:
                self._slots.acquire()
            total: Array = self._total
            return total

        return all_reduce

    def abort(self) -> None:
        """Wake the shards that wait for one that failed."""
        self._barrier.abort()

    def _sum(self) -> None:
        total = self._parts[0].copy()
        for part in self._parts[1:]:
            total += part
        self._total = total

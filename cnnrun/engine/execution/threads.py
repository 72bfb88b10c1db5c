"""Worker threads that compute shards of a batch, where there can be no processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Barrier, BrokenBarrierError, Semaphore
from typing import Any

import numpy as np

from cnnrun.engine.context import Context, Observer
from cnnrun.engine.execution.messages import Compute, Found, Shard
from cnnrun.engine.types import Array

__all__ = ["Threads"]


class Threads:
    """A thread for every shard in flight, of which no more than `workers` run at a time."""

    def __init__(self, compute: Compute, workers: int) -> None:
        self._compute = compute
        self._workers = workers
        self._pool: ThreadPoolExecutor | None = None
        self._pool_size = 0

    def compute(
        self,
        shards: Sequence[Shard],
        contexts: Sequence[Context],
        observers: Callable[[int], Observer] | None,
        together: bool,
    ) -> list[Found]:
        """Compute shards side by side, each with a context of its own.

        Args:
            shards: what to compute.
            contexts: at least as many.
            observers: gives each shard, by number, an observer of its layers.
            together: whether layers add arrays up over all the shards.
        """
        slots = Semaphore(self._workers)
        reduce = _AllReduce(len(shards), slots) if together else None

        def run(index: int) -> float:
            shard, ctx = shards[index], contexts[index]
            ctx.run.all_reduce = reduce.part(index) if reduce else np.copy
            ctx.run.observer = observers(shard.work.shard) if observers else None
            with slots:
                try:
                    return self._compute(shard, ctx)
                except BaseException:
                    if reduce:
                        reduce.abort()
                    raise

        losses = [run(0)] if len(shards) == 1 else self._side_by_side(run, len(shards))
        gradients = [ctx.collect("gradients") for ctx in contexts[: len(shards)]]
        return list(zip(losses, gradients, strict=True))

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown()
            self._pool = None

    def _side_by_side(self, run: Callable[[int], float], count: int) -> list[float]:
        if self._pool is None or self._pool_size < count:
            self.close()
            self._pool, self._pool_size = ThreadPoolExecutor(count), count
        futures = [self._pool.submit(run, index) for index in range(count)]
        wait(futures)
        errors = [error for future in futures if (error := future.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error  # what went wrong, before what only waited for it
        return [future.result() for future in futures]


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

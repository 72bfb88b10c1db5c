"""Worker threads: for one shard at a time, and where processes cannot be forked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from threading import Barrier, BrokenBarrierError, Semaphore

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import (
    Compute,
    Shard,
    ShardResult,
    Sum,
    Update,
    UpdateOrder,
)
from cnnrun.engine.types import Array
from cnnrun.errors import WorkerError

__all__ = ["Threads"]


class Threads:
    """A thread for every shard in flight, of which no more than `workers` run at a time."""

    def __init__(self, compute: Compute, update: Update, add_up: Sum, workers: int) -> None:
        self._compute, self._update, self._add_up_all = compute, update, add_up
        self._slots = Semaphore(workers)
        self._pool: ThreadPoolExecutor | None = None
        self._pool_size = 0
        self._parts: list[Array] = []
        self._total: Array
        self._barrier = Barrier(1)

    def compute(self, shards: Sequence[Shard], contexts: Sequence[Context]) -> list[ShardResult]:
        """Compute shards side by side, each with a context of its own."""
        self._parts = [shard.outputs for shard in shards]  # of the right number; each is replaced
        self._barrier = Barrier(len(shards), action=self._add_up)
        for place, ctx in enumerate(contexts):
            ctx.run.all_reduce = partial(self.all_reduce, place)
        run = partial(self._run, shards, contexts)
        losses = [run(0)] if len(shards) == 1 else self._side_by_side(run, len(shards))
        return [
            ShardResult(loss, ctx.run.gradients if shard.targets is not None else {})
            for loss, shard, ctx in zip(losses, shards, contexts, strict=False)
        ]

    def all_reduce(self, place: int, array: Array) -> Array:
        """Return the sum of an array over the shards in flight, in a fixed order."""
        self._parts[place] = array
        self._slots.release()  # let another shard run while this one waits
        try:
            self._barrier.wait()
        finally:
            self._slots.acquire()
        return self._total

    def update(self, order: UpdateOrder) -> float:
        """Let the optimizer change all parameters, in this thread."""
        return self._update(order)

    def close(self) -> None:
        """Stop the threads."""
        if self._pool:
            self._pool.shutdown()
            self._pool = None

    def _run(self, shards: Sequence[Shard], contexts: Sequence[Context], place: int) -> float:
        with self._slots:
            try:
                return self._compute(shards[place], contexts[place])
            except BaseException:
                self._barrier.abort()  # wake those that wait for this one
                raise

    def _side_by_side(self, run: Callable[[int], float], count: int) -> list[float]:
        if self._pool is None or self._pool_size < count:
            self.close()
            self._pool, self._pool_size = ThreadPoolExecutor(count), count
        try:
            futures = [self._pool.submit(run, place) for place in range(count)]
        except RuntimeError as refusal:  # the system gives no more threads
            self._barrier.abort()  # those that run would wait for the others for ever
            raise WorkerError(
                f"no thread can be started for each of {count} shards ({refusal}); a smaller "
                "batch_size takes fewer"
            ) from None
        wait(futures)
        errors = [error for future in futures if (error := future.exception())]
        for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error  # what went wrong, before what only waited for it
        return [future.result() for future in futures]

    def _add_up(self) -> None:
        self._total = self._add_up_all(self._parts)

"""Worker processes that compute shards of a batch beside this one.

Threads share Python's global lock, and a network of small images is mostly short NumPy calls: two
threads were measured as slower than one on LeNet at batch 32. Processes share nothing but memory
set aside for it: weights and samples go in, outputs and gradients come out, the same bits as
threads give. What a layer sums over the whole batch goes through the pipes that carry the orders.

Forking a process in which threads run copies the locks that those hold, and in the copy no thread
is left to release them. A worker is safe from that: it calls NumPy, held to one thread, and the
pipe, whose locks the C library puts in order when it forks; all modules it needs are imported
beforehand; it writes no log and draws no progress bar; and it leaves by `os._exit`, without the
clean-up that others have registered.
"""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import (
    Compute,
    Shard,
    ShardResult,
    Sum,
    Update,
    UpdateOrder,
)
from cnnrun.engine.execution.pace import Pace
from cnnrun.engine.execution.program import Program
from cnnrun.engine.execution.protocol import OtherShardError
from cnnrun.engine.execution.shared_memory import shared, shared_like
from cnnrun.engine.execution.worker import Job, receive, serve
from cnnrun.engine.types import Array
from cnnrun.errors import WorkerError

__all__ = ["Processes"]


@dataclass(frozen=True, eq=False)
class WorkerHandle:
    """One process as its parent sees it, and its arrays in shared memory.

    Attributes:
        x, targets, outputs: of as many samples as a shard may have.
        gradients: by parameter name; valid once a training shard is done.
    """

    x: Array
    targets: Array
    outputs: Array
    gradients: Mapping[str, Array]
    pipe: Connection
    process: multiprocessing.process.BaseProcess

    def begin(self, shard: Shard) -> None:
        """Hand in a shard and return at once."""
        self.x[: shard.order.samples] = shard.x
        if shard.targets is not None:
            self.targets[: shard.order.samples] = shard.targets
        self.send(shard.order)

    def send(self, message: Any) -> None:
        """Send a message; if the process has ended, `receive` reports it."""
        with suppress(ConnectionError):
            self.pipe.send(message)

    def receive(self) -> Any:
        """Return what comes next: an array to add up, a result, or an error."""
        try:
            return receive(self.pipe)
        except (EOFError, ConnectionError):
            self.process.join(1)
            return WorkerError(
                f"a worker process ended, with exit code {self.process.exitcode}; perhaps the "
                "machine is out of memory: a smaller batch_size or fewer --workers take less"
            )


class Processes:
    """So many worker processes for one network; made once, for shards of one shape."""

    def __init__(
        self,
        program: Program,
        compute: Compute,
        update: Update,
        add_up: Sum,
        size: int,
        like: Shard,
        pace: Pace,
    ) -> None:
        """Fork `size` processes for shards of the size, shapes and dtypes of `like`, or smaller.

        Each has a copy of everything that `compute` and `update` reach, but for the arrays that are
        in shared memory. `pace` is told what training shards take.
        """
        targets = np.empty((1, 1)) if like.targets is None else like.targets
        self._samples = {
            name: ((len(like.x), *array.shape[1:]), array.dtype)
            for name, array in (("x", like.x), ("targets", targets), ("outputs", like.outputs))
        }
        self._compute, self._update, self._pace = compute, update, pace
        self._add_up = add_up
        self._busy: list[WorkerHandle] = []
        self._ended: dict[int, Any] = {}
        self.workers: list[WorkerHandle] = []
        fork = multiprocessing.get_context("fork")
        for _ in range(size):
            samples = shared(self._samples)
            own, other = fork.Pipe()
            parents = (own, *(worker.pipe for worker in self.workers))
            gradients = shared_like(program.gradients)
            job = Job(program, compute, update, samples, gradients, other, parents)
            process = fork.Process(target=serve, args=(job,), daemon=True)
            with warnings.catch_warnings():
                # Python warns of forking beside threads; why it is safe here stands above.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            other.close()
            handle = WorkerHandle(**samples, gradients=gradients, pipe=own, process=process)
            self.workers.append(handle)
        # Also where nobody closes them: when this is garbage, or at the end of the program.
        pipes = [worker.pipe for worker in self.workers]
        self._hang_up = Finalize(self, _hang_up, [pipes], exitpriority=1)

    def suits(self, shard: Shard) -> bool:
        """Return whether all processes live, and shards like this one fit into their memory."""
        if not all(worker.process.is_alive() for worker in self.workers):
            return False
        given = (
            {"x": shard.x} if shard.targets is None else {"x": shard.x, "targets": shard.targets}
        )
        for name, array in given.items():
            shape, dtype = self._samples[name]
            if array.shape[1:] != shape[1:] or array.dtype != dtype or len(array) > shape[0]:
                return False
        return True

    def compute(self, shards: Sequence[Shard], contexts: Sequence[Context]) -> list[ShardResult]:
        """Compute the first shard here, and each of the others in a process, at the same time."""
        ctx, pace = contexts[0], self._pace
        start = pace.clock()
        ctx.run.all_reduce = partial(self.all_reduce, 0)
        self._busy, self._ended = self.workers[: len(shards) - 1], {}
        for worker, shard in zip(self._busy, shards[1:], strict=True):
            worker.begin(shard)
        results: list[ShardResult] = []
        errors: list[BaseException] = []
        own, computing = pace.clock(), pace.cpu_clock()
        try:
            results.append(ShardResult(self._compute(shards[0], ctx), ctx.run.gradients))
        except BaseException as error:
            errors.append(error)
        own, computing = pace.clock() - own, pace.cpu_clock() - computing
        for worker, shard in zip(self._busy, shards[1:], strict=True):
            loss = self._end(worker)  # also after an error: what was begun has to end
            if isinstance(loss, BaseException):
                errors.append(loss)
                continue
            np.copyto(shard.outputs, worker.outputs[: shard.order.samples])
            results.append(ShardResult(float(loss), worker.gradients))
        for first in sorted(errors, key=lambda error: isinstance(error, OtherShardError)):
            raise first  # what went wrong, before what only waited for it
        if shards[0].targets is not None:
            count = sum(len(shard.x) for shard in shards) / len(shards[0].x)
            pace.note_round(pace.clock() - start, own, computing, count)
        return results

    def all_reduce(self, place: int, array: Array) -> Array:
        """Return the sum over all shards in flight, and give it to the workers that wait for it.

        Called here for the shard at place 0; the others hand their parts in through their pipes.
        """
        parts = [array]
        for number, worker in enumerate(self._busy):
            part = worker.receive()
            if not isinstance(part, np.ndarray):
                self._ended[id(worker)] = part
                for waiting in self._busy[:number]:
                    waiting.send(OtherShardError())
                raise OtherShardError
            parts.append(part)
        total = self._add_up(parts)
        for worker in self._busy:
            worker.send(total)
        return total

    def update(self, order: UpdateOrder) -> float:
        """Change the parameters, a part here and one in each process; return the gradients' norm.

        Raises:
            BaseException: whatever went wrong with one of them, once all have come to an end.
        """
        order = replace(order, parts=1 + len(self.workers))
        for part, worker in enumerate(self.workers, 1):
            worker.send(replace(order, part=part))
        norm = self._update(order)
        for answer in [worker.receive() for worker in self.workers]:
            if isinstance(answer, BaseException):
                raise answer
        return norm

    def close(self) -> None:
        """End the processes."""
        self._hang_up()
        for worker in self.workers:
            worker.process.join()
        self.workers.clear()

    def _end(self, worker: WorkerHandle) -> Any:
        """Return a worker's loss, or the error that its shard ended with."""
        answer = self._ended.get(id(worker))
        while answer is None:
            answer = worker.receive()
            if isinstance(answer, np.ndarray):  # it waits for a sum that is not going to be
                worker.send(OtherShardError())
                answer = None
        return answer


def _hang_up(pipes: list[Connection]) -> None:
    """Close the pipes, which their workers read as the end."""
    for pipe in pipes:
        pipe.close()

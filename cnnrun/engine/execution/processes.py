"""Worker processes that compute shards of a batch beside this one.

Threads share Python's global lock, and a network of small images is mostly short NumPy calls: two
threads were measured as slower than one on LeNet at batch 32. Processes share nothing but a block
of memory: weights and samples go in, outputs and gradients come out, the same bits as threads give.
What a layer sums over the whole batch goes through the pipes that otherwise say what to do.
"""

from __future__ import annotations

import multiprocessing
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import Change, Compute, Found, Shard, Update
from cnnrun.engine.execution.shared_memory import are_shared, shared, shared_like
from cnnrun.engine.execution.worker import receive, serve
from cnnrun.engine.network import Network
from cnnrun.engine.types import Array
from cnnrun.errors import WorkerError

__all__ = ["Crew"]


@dataclass(frozen=True, eq=False)
class Member:
    """One process, and its arrays in shared memory.

    Attributes:
        x, targets, outputs: of as many samples as a shard may have.
        gradients: by parameter name; valid once a training shard is done.
    """

    x: Array
    targets: Array
    outputs: Array
    gradients: dict[str, Array]
    pipe: Connection
    process: multiprocessing.process.BaseProcess

    def begin(self, shard: Shard) -> None:
        """Hand in a shard and return at once."""
        self.x[: shard.work.samples] = shard.x
        if shard.targets is not None:
            self.targets[: shard.work.samples] = shard.targets
        self.send(shard.work)

    def send(self, message: Any) -> None:
        """Send a message; if nobody is there any more, `receive` will tell."""
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


class _ElsewhereError(Exception):
    """Another shard of the batch failed."""


class Crew:
    """So many worker processes for one network; made once, for shards of one shape."""

    def __init__(
        self, network: Network, compute: Compute, update: Update, size: int, like: Shard
    ) -> None:
        """Fork `size` processes for shards of the size, shapes and dtypes of `like`, or smaller.

        Each has a copy of everything that `compute` and `update` reach; the network's arrays alone
        are shared, and what was shared before.
        """
        targets = np.empty((1, 1)) if like.targets is None else like.targets
        self._samples = {
            name: ((len(like.x), *array.shape[1:]), array.dtype)
            for name, array in (("x", like.x), ("targets", targets), ("outputs", like.outputs))
        }
        self._network, self._compute, self._update = network, compute, update
        state = network.state()
        self._state = state if are_shared(state.values()) else shared_like(state)
        self.members: list[Member] = []
        fork = multiprocessing.get_context("fork")
        for _ in range(size):
            samples = shared(self._samples)
            own, other = fork.Pipe()
            mine = [own, *(member.pipe for member in self.members)]
            found = shared_like(network.parameters)
            job = (network, compute, update, self._state, samples, found, other, mine)
            process = fork.Process(target=serve, args=job, daemon=True)
            with warnings.catch_warnings():
                # Python warns of forking beside threads; a worker touches none of their locks.
                warnings.simplefilter("ignore", DeprecationWarning)
                process.start()
            other.close()
            self.members.append(Member(**samples, gradients=found, pipe=own, process=process))
        # Also where nobody closes the crew: when it is garbage, or at the end of the program.
        pipes = [member.pipe for member in self.members]
        self._hang_up = Finalize(self, _hang_up, [pipes], exitpriority=1)

    def suits(self, shard: Shard) -> bool:
        """Return whether all members live, and shards like this one fit into their memory."""
        if not all(member.process.is_alive() for member in self.members):
            return False
        given = (
            {"x": shard.x} if shard.targets is None else {"x": shard.x, "targets": shard.targets}
        )
        for name, array in given.items():
            shape, dtype = self._samples[name]
            if array.shape[1:] != shape[1:] or array.dtype != dtype or len(array) > shape[0]:
                return False
        return True

    def compute(self, shards: Sequence[Shard], ctx: Context) -> list[Found]:
        """Compute the first shard here, and each of the others in a process, at the same time.

        Raises:
            BaseException: whatever went wrong with one of them, once all have come to an end.
        """
        busy = dict(zip(self.members, shards[1:], strict=False))
        self._ended: dict[int, Any] = {}
        ctx.run.observer, ctx.run.all_reduce = None, partial(self._all_reduce, list(busy))
        for name, array in self._network.state().items():
            if array is not self._state[name]:
                np.copyto(self._state[name], array)
        for member, shard in busy.items():
            member.begin(shard)
        found: list[Found] = []
        errors: list[BaseException] = []
        try:
            found.append((self._compute(shards[0], ctx), ctx.collect("gradients")))
        except BaseException as error:
            errors.append(error)
        for member, shard in busy.items():  # also after an error: what was begun has to end
            result = self._end(member)
            if isinstance(result, BaseException):
                errors.append(result)
                continue
            np.copyto(shard.outputs, member.outputs[: shard.work.samples])
            found.append((float(result), member.gradients))
        for first in sorted(errors, key=lambda error: isinstance(error, _ElsewhereError)):
            raise first  # what went wrong, before what only waited for it
        return found

    def update(self, change: Change) -> float:
        """Change the parameters, a part here and one in each process; return the gradients' norm.

        Raises:
            BaseException: whatever went wrong with one of them, once all have come to an end.
        """
        change = replace(change, parts=1 + len(self.members))
        for part, member in enumerate(self.members, 1):
            member.send(replace(change, part=part))
        norm = self._update(change)
        for result in [member.receive() for member in self.members]:
            if isinstance(result, BaseException):
                raise result
        return norm

    def _all_reduce(self, busy: list[Member], own: Array) -> Array:
        """Add an array up over all shards in their order, and give every member the total."""
        total = own.copy()
        for place, member in enumerate(busy):
            part = member.receive()
            if not isinstance(part, np.ndarray):
                self._ended[id(member)] = part
                for waiting in busy[:place]:
                    waiting.send(_ElsewhereError())
                raise _ElsewhereError
            total += part
        for member in busy:
            member.send(total)
        return total

    def _end(self, member: Member) -> Any:
        """Return a member's loss, or the error that its shard ended with."""
        result = self._ended.get(id(member))
        while result is None:
            result = member.receive()
            if isinstance(result, np.ndarray):  # it waits for a sum that is not going to be
                member.send(_ElsewhereError())
                result = None
        return result

    def close(self) -> None:
        """End the processes."""
        self._hang_up()
        for member in self.members:
            member.process.join()
        self.members.clear()


def _hang_up(pipes: list[Connection]) -> None:
    """Close the pipes, which their members read as the end."""
    for pipe in pipes:
        pipe.close()

"""Worker processes that compute shards of a batch beside this one.

Threads share Python's global lock, and a network of small images is mostly short NumPy calls: two
threads were measured as slower than one on LeNet at batch 32. Processes share nothing but a block
of memory: weights and samples go in, outputs and gradients come out, the same bits as threads give.
What a layer sums over the whole batch goes through the pipes that otherwise say what to do.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from typing import Any

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.layer import Layer
from cnnrun.engine.network import Network
from cnnrun.engine.shards import Compute, Found, Shard, Work
from cnnrun.engine.types import Array, Shape

__all__ = ["Crew", "is_available"]

ALIGNMENT = 64
"""Bytes; what vector instructions and cache lines like."""

SPIN = 2e-3
"""Seconds to look for a message before going to sleep; from step to step it seldom takes longer."""


def is_available() -> bool:
    """Return whether processes can be forked safely: on Linux."""
    return sys.platform == "linux"


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
        self.pipe.send(shard.work)

    def receive(self) -> Any:
        """Return what comes next: an array to add up, the shard's loss, or an error."""
        try:
            return _receive(self.pipe)
        except EOFError:
            return RuntimeError(
                f"a worker process ended with exit code {self.process.exitcode}; "
                "perhaps the machine is out of memory"
            )


class _ElsewhereError(Exception):
    """Another shard of the batch failed."""


class Crew:
    """So many worker processes for one network; made once, for shards of one shape."""

    def __init__(self, network: Network, compute: Compute, size: int, like: Shard) -> None:
        """Fork `size` processes for shards of the size, shapes and dtypes of `like`, or smaller."""
        targets = np.empty((1, 1)) if like.targets is None else like.targets
        self._samples = {
            name: ((len(like.x), *array.shape[1:]), array.dtype)
            for name, array in (("x", like.x), ("targets", targets), ("outputs", like.outputs))
        }
        self._network, self._compute = network, compute
        self._state = _shared({name: (a.shape, a.dtype) for name, a in network.state().items()})
        self.members: list[Member] = []
        gradients = {name: (a.shape, a.dtype) for name, a in network.parameters.items()}
        fork = multiprocessing.get_context("fork")
        for _ in range(size):
            samples = _shared(self._samples)
            own, other = fork.Pipe()
            mine = [own, *(member.pipe for member in self.members)]
            found = _shared(gradients)
            job = (network, compute, self._state, samples, found, other, mine)
            process = fork.Process(target=_serve, args=job, daemon=True)
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
        """Return whether a shard, and others like it, fit into the members' memory."""
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

    def _all_reduce(self, busy: list[Member], own: Array) -> Array:
        """Add an array up over all shards in their order, and give every member the total."""
        total = own.copy()
        for place, member in enumerate(busy):
            part = member.receive()
            if not isinstance(part, np.ndarray):
                self._ended[id(member)] = part
                for waiting in busy[:place]:
                    waiting.pipe.send(_ElsewhereError())
                raise _ElsewhereError
            total += part
        for member in busy:
            member.pipe.send(total)
        return total

    def _end(self, member: Member) -> Any:
        """Return a member's loss, or the error that its shard ended with."""
        result = self._ended.get(id(member))
        while result is None:
            result = member.receive()
            if isinstance(result, np.ndarray):  # it waits for a sum that is not going to be
                member.pipe.send(_ElsewhereError())
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


def _serve(
    network: Network,
    compute: Compute,
    state: dict[str, Array],
    samples: dict[str, Array],
    gradients: dict[str, Array],
    pipe: Connection,
    others: list[Connection],
) -> None:
    """Compute shards until the pipe is closed: the life of a worker process."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides what they mean
    for other in others:  # or the end of the parent would not be seen
        other.close()
    for name, layer in network.layers.items():
        _bind(layer, f"{name}/", state)
    ctx = Context()
    ctx.run.all_reduce = partial(_ask_for_sum, pipe)
    while True:
        try:
            work: Work = _receive(pipe)
        except (EOFError, ConnectionError):
            os._exit(0)
        part = slice(work.samples)
        targets = samples["targets"][part] if work.batch else None
        shard = Shard(work, samples["x"][part], targets, samples["outputs"][part])
        result: float | BaseException
        try:
            result = compute(shard, ctx)
            for name, gradient in ctx.collect("gradients").items():
                if gradient is not gradients[name]:
                    gradients[name][...] = gradient
                    owner = ctx.find(name.rpartition("/")[0])
                    if owner:  # the next one is written to shared memory at once
                        owner.move(gradient, gradients[name])
        except BaseException as error:
            result = _portable(error)
        try:
            pipe.send(result)
        except ConnectionError:
            os._exit(0)


def _ask_for_sum(pipe: Connection, array: Array) -> Array:
    """Hand in this shard's part of a sum over the batch, and return the total."""
    pipe.send(array)
    total = _receive(pipe)
    if isinstance(total, BaseException):
        raise total
    return np.asarray(total)


def _receive(pipe: Connection) -> Any:
    """Return what comes next, looking for it at once and again: to be woken up takes longer.

    Raises:
        EOFError: the other end is closed.
    """
    end = time.perf_counter() + SPIN
    while not pipe.poll() and time.perf_counter() < end:
        pass
    return pipe.recv()


def _portable(error: BaseException) -> BaseException:
    """Return an error as it can be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _bind(layer: Layer, prefix: str, state: Mapping[str, Array]) -> None:
    """Let a layer and those inside use the arrays in shared memory."""
    for arrays in (layer.params, layer.buffers):
        for key in arrays:
            arrays[key] = state[f"{prefix}{key}"]
    for name, child in layer.children().items():
        _bind(child, f"{prefix}{name}/", state)


def _shared(arrays: Mapping[str, tuple[Shape, np.dtype[Any]]]) -> dict[str, Array]:
    """Return zero arrays of such shapes in memory that forked processes share."""
    offsets, total = [], 0
    for shape, dtype in arrays.values():
        offsets.append(total)
        total += -(-prod(shape) * dtype.itemsize // ALIGNMENT) * ALIGNMENT
    block = mmap.mmap(-1, max(total, 1))  # freed when the last array is gone
    return {
        name: np.ndarray(shape, dtype, block, offset)
        for (name, (shape, dtype)), offset in zip(arrays.items(), offsets, strict=True)
    }

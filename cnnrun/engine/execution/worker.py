"""What a worker process does: compute the shards it is handed, until its parent hangs up."""

from __future__ import annotations

import os
import pickle
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from cnnrun.engine.execution.messages import Compute, Shard, ShardOrder, Update, UpdateOrder
from cnnrun.engine.execution.program import Program
from cnnrun.engine.types import Array

__all__ = ["Job", "ignore_signals", "portable", "receive", "serve"]

SPIN = 2e-3
"""Seconds of polling for a message before going to sleep; from step to step these suffice."""


@dataclass(frozen=True)
class Job:
    """What a worker process is started with.

    Attributes:
        program: what it runs.
        compute: what to do with a `Shard`.
        update: what to do with an `UpdateOrder`.
        samples: shared memory for the shard's x, targets and outputs.
        gradients: shared memory for its gradients, by parameter name.
        pipe: what brings orders, and takes the results and the errors.
        parents: the parent's ends of this pipe and of those before, which the fork has copied.
    """

    program: Program
    compute: Compute
    update: Update
    samples: Mapping[str, Array]
    gradients: Mapping[str, Array]
    pipe: Connection
    parents: tuple[Connection, ...]


def serve(job: Job) -> None:
    """Compute shards, and change parameters, until the pipe is closed: a worker process's life."""
    ignore_signals()
    for pipe in job.parents:  # or the end of the parent would not be seen
        pipe.close()
    ctx = job.program.context()
    ctx.run.all_reduce = partial(_ask_for_sum, job.pipe)
    ctx.run.gradients = job.gradients
    while True:
        try:
            order: ShardOrder | UpdateOrder = receive(job.pipe)
        except (EOFError, ConnectionError):
            os._exit(0)
        answer: float | BaseException
        try:
            if isinstance(order, UpdateOrder):
                answer = job.update(order)
            else:
                answer = job.compute(_shard(order, job.samples), ctx)
        except BaseException as error:
            answer = portable(error)
        try:
            job.pipe.send(answer)
        except ConnectionError:
            os._exit(0)


def _shard(order: ShardOrder, samples: Mapping[str, Array]) -> Shard:
    part = slice(order.samples)
    targets = samples["targets"][part] if order.batch else None
    return Shard(order, samples["x"][part], targets, samples["outputs"][part])


def _ask_for_sum(pipe: Connection, array: Array) -> Array:
    """Hand in this shard's part of a sum over the batch, and return the total."""
    pipe.send(array)
    total = receive(pipe)
    if isinstance(total, BaseException):
        raise total
    return np.asarray(total)


def receive(pipe: Connection) -> Any:
    """Return the next message; poll for it first, since being woken from sleep takes longer.

    Raises:
        EOFError: the other end is closed.
    """
    end = time.perf_counter() + SPIN
    while not pipe.poll() and time.perf_counter() < end:
        pass
    return pipe.recv()


def ignore_signals() -> None:
    """Leave it to the parent what the signals that end a process mean."""
    hangup = [signal.SIGHUP] if hasattr(signal, "SIGHUP") else []  # Windows has none
    for number in (signal.SIGINT, signal.SIGTERM, *hangup):
        signal.signal(number, signal.SIG_IGN)


def portable(error: BaseException) -> BaseException:
    """Return an error as it can be sent to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error

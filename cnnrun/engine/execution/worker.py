"""What a worker process does: compute the shards it is handed, until nobody is there any more."""

from __future__ import annotations

import os
import pickle
import signal
import time
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from cnnrun.engine.context import Context
from cnnrun.engine.execution.messages import Change, Compute, Shard, Update, Work
from cnnrun.engine.network import Network
from cnnrun.engine.types import Array

__all__ = ["receive", "serve"]

SPIN = 2e-3
"""Seconds to look for a message before going to sleep; from step to step it seldom takes longer."""


def serve(
    network: Network,
    compute: Compute,
    update: Update,
    state: dict[str, Array],
    samples: dict[str, Array],
    gradients: dict[str, Array],
    pipe: Connection,
    others: list[Connection],
) -> None:
    """Compute shards, and change parameters, until the pipe is closed: a worker process's life.

    Args:
        network: as it was when the process was forked.
        compute: what to do with a `Shard`.
        update: what to do with a `Change`.
        state: the network's arrays in shared memory.
        samples: room for the shard's x, targets and outputs.
        gradients: room for its gradients, by parameter name.
        pipe: what brings `Work` and `Change`, and takes the results and the errors.
        others: the pipes of the processes forked before, which came along.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the parent decides what they mean
    for other in others:  # or the end of the parent would not be seen
        other.close()
    network.bind(state)
    ctx = Context()
    ctx.run.all_reduce = partial(_ask_for_sum, pipe)
    while True:
        try:
            order: Work | Change = receive(pipe)
        except (EOFError, ConnectionError):
            os._exit(0)
        result: float | BaseException
        try:
            if isinstance(order, Change):
                result = update(order)
            else:
                result = compute(_shard(order, samples), ctx)
                ctx.hand_over("gradients", gradients)
        except BaseException as error:
            result = _portable(error)
        try:
            pipe.send(result)
        except ConnectionError:
            os._exit(0)


def _shard(work: Work, samples: dict[str, Array]) -> Shard:
    part = slice(work.samples)
    targets = samples["targets"][part] if work.batch else None
    return Shard(work, samples["x"][part], targets, samples["outputs"][part])


def _ask_for_sum(pipe: Connection, array: Array) -> Array:
    """Hand in this shard's part of a sum over the batch, and return the total."""
    pipe.send(array)
    total = receive(pipe)
    if isinstance(total, BaseException):
        raise total
    return np.asarray(total)


def receive(pipe: Connection) -> Any:
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

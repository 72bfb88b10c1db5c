"""Prepares batches in processes beside the training, ahead of the step that needs them.

What a batch holds derives from (seed, epoch, index) alone, so it is the same whoever prepares it.
A process fills two batches in memory that it shares with the training, and waits until one of them
has been used. It is forked before the engine's workers: it then holds no end of their pipes, and
when the training is killed, they end first, and it after them.
"""

from __future__ import annotations

import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection
from typing import Self

import numpy as np

from cnnrun.data.samples import Samples
from cnnrun.engine.execution.shared_memory import can_fork, shared
from cnnrun.engine.execution.worker import ignore_signals, portable
from cnnrun.engine.types import Array
from cnnrun.errors import WorkerError

__all__ = ["Feed", "Upcoming", "feed"]

Upcoming = Callable[[], Iterator[tuple[int, Array]]]
"""Tells the batches to come, in their order: the epoch, and the indices of its samples."""

SLOTS = 2
"""Batches that a process holds: the one in use, and the next."""
MOST_BYTES = 64 << 20
"""Of a batch that is prepared ahead; larger ones are prepared when they are needed."""
PATIENCE = 1.0
"""Seconds after which a waiting process looks whether the training is still there."""


class Feed:
    """Gives the batches of a training, prepared when they are asked for; use it with `with`."""

    def __init__(self, samples: Samples, seed: int) -> None:
        self.samples, self.seed = samples, seed

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def batch(self, epoch: int, indices: Array) -> tuple[Array, Array]:
        """Return the next batch, which holds until the one after it is asked for.

        Raises:
            DataError: a transform or a file fails.
            WorkerError: a process that prepares batches has ended.
        """
        return self.samples.batch(indices, seed=self.seed, epoch=epoch)


def feed(samples: Samples, seed: int, upcoming: Upcoming, most: int, processes: int) -> Feed:
    """Return what gives the batches of a training.

    Args:
        samples: what they are made of.
        seed: of the augmentation.
        upcoming: tells which batches will be asked for, in their order.
        most: the samples of the largest batch.
        processes: that may prepare them ahead. None does where that takes hardly any time, where
            nothing can be forked, and where a batch is very large.
    """
    is_slow = samples.augment or samples.corrupt or not isinstance(samples.split.images, np.ndarray)
    if not (processes and is_slow and can_fork()):
        return Feed(samples, seed)
    one = samples.batch(np.arange(1))
    if sum(array.nbytes for array in one) * most > MOST_BYTES:
        return Feed(samples, seed)
    return _Ahead(samples, seed, upcoming, most, processes)


class _Ahead(Feed):
    """Gives batches that processes have prepared, in turn."""

    def __init__(
        self, samples: Samples, seed: int, upcoming: Upcoming, most: int, processes: int
    ) -> None:
        super().__init__(samples, seed)
        self._taken = 0
        self._preparers: list[_Preparer] = []
        try:
            for number in range(processes):
                mine = partial_order(upcoming, number, processes)
                others = [preparer.pipe for preparer in self._preparers]
                self._preparers.append(_Preparer(self, mine, most, others))
        except OSError as error:
            self.__exit__()
            raise WorkerError(f"no process can be started to prepare batches ({error})") from None

    def batch(self, epoch: int, indices: Array) -> tuple[Array, Array]:
        preparer = self._preparers[self._taken % len(self._preparers)]
        self._taken += 1
        return preparer.take(epoch, len(indices))

    def __exit__(self, *error: object) -> None:
        for preparer in self._preparers:
            preparer.close()


def partial_order(upcoming: Upcoming, first: int, every: int) -> Upcoming:
    """Return every so many-th of the batches to come."""
    return lambda: islice(upcoming(), first, None, every)


class _Preparer:
    """A process that prepares batches, as the training sees it."""

    def __init__(
        self, owner: Feed, upcoming: Upcoming, most: int, others: list[Connection]
    ) -> None:
        x, targets = owner.samples.batch(np.arange(1))
        memory = shared(
            {
                "x": ((SLOTS, most, *x.shape[1:]), x.dtype),
                "targets": ((SLOTS, most, *targets.shape[1:]), targets.dtype),
            }
        )
        self._x, self._targets = memory["x"], memory["targets"]
        self._taken = 0
        fork = multiprocessing.get_context("fork")
        self.pipe, other = fork.Pipe()
        job = (owner, upcoming, self._x, self._targets, other, [self.pipe, *others])
        self._process = fork.Process(target=_prepare, args=job, daemon=True)
        with warnings.catch_warnings():
            # Python warns of forking beside threads; why it is safe stands in engine/processes.py.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()
        other.close()

    def take(self, epoch: int, count: int) -> tuple[Array, Array]:
        """Return the next batch, and give back the one before."""
        try:
            if self._taken:
                self.pipe.send(None)
            said = self.pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join(1)
            raise WorkerError(
                f"a process that prepares batches ended, with exit code {self._process.exitcode}; "
                "perhaps the machine is out of memory: --workers 1 prepares them without it"
            ) from None
        if isinstance(said, BaseException):
            raise said
        if said != (epoch, count):
            raise WorkerError(f"a batch of {said} was prepared where {(epoch, count)} was needed")
        slot = self._taken % SLOTS
        self._taken += 1
        return self._x[slot, :count], self._targets[slot, :count]

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _prepare(
    owner: Feed,
    upcoming: Upcoming,
    x: Array,
    targets: Array,
    pipe: Connection,
    parents: list[Connection],
) -> None:
    """Fill one slot after the other until all batches are done or the training has gone."""
    ignore_signals()
    for parent in parents:  # or the end of the training would not be seen
        parent.close()
    family = os.getppid()
    with suppress(EOFError, ConnectionError):
        for number, (epoch, indices) in enumerate(upcoming()):
            if number >= SLOTS:
                while not pipe.poll(PATIENCE):
                    if os.getppid() != family:
                        os._exit(0)
                pipe.recv()
            slot, count = number % SLOTS, len(indices)
            try:
                x[slot, :count], targets[slot, :count] = Feed.batch(owner, epoch, indices)
            except BaseException as error:
                pipe.send(portable(error))
                break
            pipe.send((epoch, count))
        while not pipe.poll(PATIENCE) or pipe.recv() is None:  # until the training hangs up
            if os.getppid() != family:
                break
    os._exit(0)

"""Who computes the shards of an executor: threads, or processes where they can be forked and pay.

Threads remain where somebody observes the layers, where shards come one at a time, and where
nothing can be forked. Processes are started at the first batch that they are for, and anew for one
whose shards do not fit the memory that they share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cnnrun.engine.execution.messages import Shard, UpdateOrder
from cnnrun.engine.execution.pace import Pace
from cnnrun.engine.execution.processes import Processes
from cnnrun.engine.execution.program import Program
from cnnrun.engine.execution.protocol import Workers
from cnnrun.engine.execution.threads import Threads
from cnnrun.engine.execution.work import Work
from cnnrun.engine.types import Array
from cnnrun.errors import WorkerError

__all__ = ["Crew"]

UPDATE_SIZE = 100_000
"""From this many parameters on, the update is split over the worker processes."""


class Crew:
    """The workers of one executor, of whichever kind suits a batch."""

    def __init__(
        self,
        program: Program,
        work: Work,
        add_up: Callable[[Sequence[Array]], Array],
        workers: int,
        pace: Pace,
        *,
        shares: bool,
    ) -> None:
        """Take what is to be computed.

        Args:
            program: what runs.
            work: computes a shard, and updates parameters.
            add_up: adds arrays over the shards in flight, for layers that need the whole batch.
            workers: how many, this process among them.
            pace: is told what starting processes took.
            shares: whether arrays lie in memory that forked processes share.
        """
        self._program, self._work, self._add_up = program, work, add_up
        self._workers, self._pace, self._shares = workers, pace, shares
        self._threads = Threads(work.compute, work.update, add_up, workers)
        self.forked: Processes | None = None

    def suited_to(self, like: Shard, lanes: int, *, observed: bool) -> Workers:
        """Return who computes so many shards like this one at once.

        Raises:
            WorkerError: a process cannot be started.
        """
        if observed or lanes == 1 or lanes > self._workers or not self._shares:
            return self._threads
        if self.forked and not self.forked.suits(like):
            self._dismiss()
        if self.forked is None:
            try:
                self.forked = Processes(
                    self._program,
                    self._work.compute,
                    self._work.update,
                    self._add_up,
                    self._workers - 1,
                    like,
                    self._pace,
                )
            except OSError as error:
                raise WorkerError(
                    f"no worker process can be started ({error.strerror or error}); --workers 1 "
                    "needs none, and a smaller batch_size less memory"
                ) from None
        return self.forked

    def update(self, order: UpdateOrder, parameters: int) -> float:
        """Let the optimizer change so many parameters; return the gradients' global norm."""
        split = self.forked and parameters >= UPDATE_SIZE
        workers: Workers = self.forked if self.forked and split else self._threads
        return workers.update(order)

    @property
    def processes(self) -> list[int]:
        """The numbers of the worker processes, once there are any."""
        workers = self.forked.workers if self.forked else []
        return [worker.process.pid or 0 for worker in workers]

    def close(self) -> None:
        """Stop all of them."""
        self._dismiss()
        self._threads.close()

    def _dismiss(self) -> None:
        if self.forked:
            self.forked.close()
            self.forked = None

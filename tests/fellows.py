"""Ranks for tests: threads that hand each other arrays, and count what they send."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from threading import Barrier, BrokenBarrierError

import numpy as np


class Fellow:
    """One of several ranks, as `cnnrun.runs.team.Fellows` describes them."""

    def __init__(self, rank, table, barrier):
        self.rank, self.size = rank, len(table)
        self.neighbours = len(table)
        self.sent = 0
        self._table, self._barrier = table, barrier

    def gather(self, row, sizes):
        assert row.size == sizes[self.rank]
        rows = self._all(row)
        assert [len(other) for other in rows] == list(sizes)
        self.sent += row.nbytes * (self.size - 1)
        return np.concatenate(rows)

    def exchange(self, row, sent, into, received):
        parts = np.split(row, np.cumsum(sent)[:-1])
        assert row.size == sum(sent)
        mine = [parts[self.rank] for parts in self._all(parts)]
        assert [part.size for part in mine] == list(received)
        self.sent += sum(part.nbytes for part in parts) - parts[self.rank].nbytes
        into[...] = np.concatenate(mine)

    def broadcast(self, value):
        return self._all(value)[0]

    def collect(self, value):
        return self._all(value)

    def _all(self, mine):
        """Return a copy of what every rank hands in."""
        self._table[self.rank] = mine
        self._barrier.wait(30)
        rows = deepcopy(self._table)
        self._barrier.wait(30)  # nobody writes to what it has sent before all have it
        return rows


def together(ranks, work):
    """Let so many ranks do `work`, each as a `Fellow`; return what each gives."""
    table, barrier = [None] * ranks, Barrier(ranks)

    def run(rank):
        try:
            return work(Fellow(rank, table, barrier))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(ranks) as pool:
        futures = [pool.submit(run, rank) for rank in range(ranks)]
    errors = [error for future in futures if (error := future.exception())]
    for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
        raise error  # what went wrong, before what only waited for it
    return [future.result() for future in futures]

"""Whether several workers are faster than one: the first steps of a training tell.

First this process watches: if its own shard gets a processor for itself, and the others' come soon
after it, several workers pay, and nothing more is done. Else steps are tried in turn, one with all
workers and one without the others. That gives the same bits, since those depend on the shards alone
and not on who computes them, and it costs six slower steps at most.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

__all__ = ["Pace", "Slowdown"]

Clock = Callable[[], float]

WARM_UP = 3
"""Rounds of shards in which memory is touched for the first time."""

WATCHED = 10
"""Rounds after that."""

OWN_PROCESSOR = 0.7
"""The share of its time that a shard is computed in where the machine has nothing else to do."""

SURE_GAIN = 0.75
"""The part of the time on one worker that is surely less than all of it."""

TRIED = 6
"""Steps with all workers, and as many with one; their medians are compared."""

CLEAR = 1.2
"""How many times as long several workers must take to be called slower."""


@dataclass(frozen=True)
class Slowdown:
    """That several workers are slower than one.

    Attributes:
        together: seconds of a step's passes with all workers.
        alone: the same with one.
    """

    together: float
    alone: float


class Pace:
    """Compares the first steps; `clock` gives seconds, and `cpu_clock` those of computing."""

    def __init__(
        self,
        clock: Clock = time.perf_counter,
        cpu_clock: Clock = time.thread_time,
        *,
        is_known: bool = False,
    ) -> None:
        self.clock, self.cpu_clock = clock, cpu_clock
        self._rounds = 0
        self._together = self._own = self._computing = self._expected = 0.0
        self._is_trying = False
        self._tried: dict[bool, list[float]] = {False: [], True: []}
        self.is_known = is_known
        """Whether enough has been measured, or nothing is to be."""

    def note_round(self, together: float, own: float, computing: float, shards: float) -> None:
        """Count shards that were computed side by side.

        Args:
            together: seconds until all were done.
            own: until the one was done that is computed in this process.
            computing: of these, those that the processor worked for it.
            shards: how many such shards all are; a smaller one counts as a part.
        """
        self._rounds += 1
        if self._is_trying or self.is_known or self._rounds <= WARM_UP:
            return
        self._together += together
        self._own += own
        self._computing += computing
        self._expected += own * shards
        if self._rounds == WARM_UP + WATCHED:
            is_free = self._computing >= OWN_PROCESSOR * self._own
            self.is_known = is_free and self._together <= SURE_GAIN * self._expected
            self._is_trying = not self.is_known

    @contextmanager
    def step(self, workers: int) -> Iterator[int]:
        """Time the body, which does a step, if steps are being tried.

        Yields how many workers it is to have: all, or one.
        """
        tried, alone = self._tried, len(self._tried[True]) < len(self._tried[False])
        if not self._is_trying:
            yield workers
            return
        start = self.clock()
        yield 1 if alone else workers
        tried[alone].append(self.clock() - start)
        self.is_known = len(tried[True]) == TRIED
        self._is_trying = not self.is_known

    def slowdown(self) -> Slowdown | None:
        """Return by how much several workers are slower, once that is known and if they are."""
        if not self.is_known or not self._tried[True]:
            return None
        together, alone = median(self._tried[False]), median(self._tried[True])
        return Slowdown(together, alone) if together > CLEAR * alone else None

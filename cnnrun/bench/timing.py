"""Times functions in turn, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["in_turn"]

FEWEST = 5
"""Rounds that a median is made of, at least."""

SETTLE, TURN = 0.02, 0.05
"""Seconds of calls that are not counted and that are, each time a function has its turn.

PyTorch's threads keep spinning for some milliseconds after a step, and would take a core from
whoever is next.
"""


def in_turn(functions: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Return the median milliseconds of each function.

    They are called in rounds, each for a while, until `seconds` a function have passed; but at
    least 5 rounds, after one that is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for function in functions.values():
        function()
    end = time.perf_counter() + seconds * len(functions)
    rounds = 0
    while rounds < FEWEST or time.perf_counter() < end:
        for name, function in functions.items():
            _call_for(function, SETTLE)
            times[name] += _call_for(function, TURN)
        rounds += 1
    return {name: statistics.median(found) for name, found in times.items()}


def _call_for(function: Callable[[], object], seconds: float) -> list[float]:
    """Call a function for so long, at least once; return the milliseconds of each call."""
    found = []
    end = time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        function()
        finished = time.perf_counter()
        found.append(1e3 * (finished - started))
        if finished >= end:
            return found

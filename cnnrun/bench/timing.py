"""Times functions in turn, so that other load on the machine slows all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

__all__ = ["in_turn"]

FEWEST = 5
"""Rounds that a median is taken over, at least."""

SETTLE, TURN = 0.02, 0.05
"""In each turn of a function, seconds of calls before the timed ones, and seconds of timed calls.

PyTorch's threads keep spinning for some milliseconds after a step, which would slow the next
function.
"""


def in_turn(functions: Mapping[str, Callable[[], object]], seconds: float) -> dict[str, float]:
    """Return the median milliseconds of each function.

    They take turns, round by round, until `seconds` times the number of functions have passed, but
    for at least 5 rounds. Each is called once before the first round.
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
    return {name: statistics.median(measured) for name, measured in times.items()}


def _call_for(function: Callable[[], object], seconds: float) -> list[float]:
    """Call a function for `seconds`, at least once; return the milliseconds of each call."""
    milliseconds = []
    end = time.perf_counter() + seconds
    while True:
        started = time.perf_counter()
        function()
        finished = time.perf_counter()
        milliseconds.append(1e3 * (finished - started))
        if finished >= end:
            return milliseconds

"""Slopes of a function of one number, by finite differences."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

__all__ = ["one_sided_slopes", "smooth_slope"]

Function = Callable[[float], float]

STEP = 1e-4
"""Of a function that is piecewise linear, where any step will do."""
WIDEST, SHRINKING, KEPT, MOST = 0.02, 4.0, 8, 40
"""Of a smooth function: the first step, what each is divided by for the next, how many steps are
compared, and how many are tried where the function is not defined so far away."""


def one_sided_slopes(function: Function, place: float) -> tuple[float, float]:
    """Return the slopes to the left and to the right; they differ at a tie or a kink."""
    before, here, after = (function(place + step) for step in (-STEP, 0.0, STEP))
    return (here - before) / STEP, (after - here) / STEP


def smooth_slope(function: Function, place: float) -> float:
    """Return the slope of a smooth function.

    Central differences at ever smaller steps, each pair of them combined so that the error of
    second order cancels; what is returned is the result that its neighbour confirms best. So a
    function that bends within 0.001 is as well served as one that hardly bends at all.
    """
    slopes: list[float] = []
    step = WIDEST
    for _ in range(MOST):
        try:
            slopes.append((function(place + step) - function(place - step)) / (2 * step))
        except ValueError:  # the logarithm of what is not positive
            slopes.clear()
        if len(slopes) == KEPT:
            break
        step /= SHRINKING
    squared = SHRINKING**2
    better = [(squared * small - large) / (squared - 1) for large, small in pairwise(slopes)]
    gaps = [abs(one - next_one) for one, next_one in pairwise(better)]
    return better[gaps.index(min(gaps)) + 1]

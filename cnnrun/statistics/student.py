"""Student's t distribution: how far the mean of a few values may lie from the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean, stdev

from cnnrun.statistics.intervals import CONFIDENCE, Interval

__all__ = ["mean_interval", "t_probability", "t_quantile"]


def t_probability(t: float, degrees: float) -> float:
    """Return the chance of a value at least as far from 0 as t, on either side.

    I_x(n/2, 1/2) with x = n / (n + t^2), the regularised incomplete beta function. Source:
    Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.1.
    """
    if math.isinf(t):
        return 0.0
    return _incomplete_beta(degrees / (degrees + t * t), degrees / 2, 0.5)


@lru_cache(64)
def t_quantile(degrees: float, confidence: float = CONFIDENCE) -> float:
    """Return the t between which and its negative a share `confidence` of the values lies."""
    low, high = 0.0, 1.0
    while t_probability(high, degrees) > 1 - confidence:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        if t_probability(middle, degrees) > 1 - confidence:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def mean_interval(
    values: Sequence[float], bounds: Interval = (-math.inf, math.inf)
) -> Interval | None:
    """Return the 95% interval of the mean of a population of which `values` were drawn.

    mean +- t s / sqrt(n), with n - 1 degrees of freedom. Source: Student, Biometrika 6 (1908).
    None is returned of fewer than two values.

    Args:
        values: one of each run.
        bounds: between which any mean lies, such as 0 and 1 of a share; the interval is cut there.
    """
    if len(values) < 2:
        return None
    mean, (least, most) = fmean(values), bounds
    reach = t_quantile(len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return max(mean - reach, least), min(mean + reach, most)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """Return I_x(a, b), by Lentz's continued fraction. Source: Numerical Recipes, 6.4."""
    if x <= 0 or x >= 1:
        return min(max(x, 0.0), 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(1 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x)
    front += math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    tiny, value, c, d = 1e-300, 1.0, 1.0, 0.0
    for step in range(1000):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / (1 + term * d or tiny)
        c = 1 + term / c or tiny
        value *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return math.exp(front) * (value - 1) / a

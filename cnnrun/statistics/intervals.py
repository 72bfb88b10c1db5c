"""The interval of a share, such as an accuracy."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["CONFIDENCE", "Interval", "wilson_interval"]

Interval = tuple[float, float]
"""The lower and the upper end."""

CONFIDENCE = 0.95


def wilson_interval(hits: int, samples: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the interval of the share of hits in a population, of which `samples` were drawn.

    The shares p from which `hits / samples` is no more than z standard deviations,
    sqrt(p (1 - p) / samples), away: the ends are the roots of a quadratic. It keeps its coverage
    near 0 and 1, where the bootstrap's percentiles become too short and, at 1, a point. Source:
    Wilson, JASA 22 (1927); Brown, Cai & DasGupta, Statistical Science 16 (2001).

    None is returned of no samples.
    """
    if not samples:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = hits / samples
    center = share + z * z / (2 * samples)
    reach = z * math.sqrt(share * (1 - share) / samples + (z / (2 * samples)) ** 2)
    scale = 1 + z * z / samples
    low = (center - reach) / scale if hits else 0.0
    high = (center + reach) / scale if hits < samples else 1.0
    return low, high

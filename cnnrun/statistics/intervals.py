"""The intervals of a share, such as an accuracy, and of the difference of two."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["CONFIDENCE", "Interval", "paired_shares_interval", "wilson_interval"]

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


def paired_shares_interval(
    only_first: int, only_second: int, samples: int, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of how much larger a second share is than a first of the same samples.

    Wald's, with half a sample added to each of the four counts, which keeps its coverage where
    few samples tell the two apart. Source: Agresti & Min, Statistics in Medicine 24 (2005).

    Args:
        only_first: so many samples count in the first share alone.
        only_second: so many in the second alone.
        samples: how many there are.
        confidence: how often it is to hold the truth.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    first, second, count = only_first + 0.5, only_second + 0.5, samples + 2
    middle = (second - first) / count
    reach = z * math.sqrt(first + second - (second - first) ** 2 / count) / count
    return max(-1.0, middle - reach), min(1.0, middle + reach)

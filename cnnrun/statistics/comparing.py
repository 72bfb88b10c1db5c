"""Whether a difference is more than chance: of groups of runs, and of two runs on the same samples.

Which test fits few seeds? The paired t-test: the same seed has the same validation split and order
of samples in both groups, so their differences scatter less than the figures; and means of test
accuracies over seeds are near normal. The exact sign-flip test asks for nothing, but with 5 seeds
there are only 2^5 = 32 sign patterns: its p is never below 2/32 = 0.0625, so that at 95% it could
not call any difference shown, however large. Wilcoxon's has the same bound.

Accuracies come in steps of one sample. Where all differences happen to be the same their spread
would be 0, and any difference shown; so no spread is taken to be less than that of rounding to a
step, whose variance is a twelfth of its square (Sheppard 1898).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import fmean, variance
from typing import Literal

from cnnrun.statistics.intervals import CONFIDENCE, Interval
from cnnrun.statistics.student import t_probability, t_quantile

__all__ = ["Difference", "mcnemar", "paired_difference", "unpaired_difference"]

MOST_SAMPLES = 1_000_000


@dataclass(frozen=True)
class Difference:
    """How much larger one mean is than another.

    Attributes:
        mean: second less first.
        interval: of it, at 95%; None of fewer than two values each.
        p_value: the chance of a difference at least as large if there were none; None likewise.
        test: `paired t` or `Welch t`.
    """

    mean: float
    interval: Interval | None
    p_value: float | None
    test: Literal["paired t", "Welch t"]

    @property
    def is_shown(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def paired_difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Return the difference of values in pairs, such as of the same seed.

    The mean of the differences by its standard error, with n - 1 degrees of freedom. Source:
    Student, Biometrika 6 (1908).
    """
    differences = [b - a for a, b in zip(first, second, strict=True)]
    if len(differences) < 2:
        return Difference(fmean(differences), None, None, "paired t")
    least = 2 * step_of([*first, *second]) ** 2 / 12 if any(differences) else 0.0
    squared_error = max(variance(differences), least) / len(differences)
    return _judged(fmean(differences), squared_error, len(differences) - 1, "paired t")


def unpaired_difference(first: Sequence[float], second: Sequence[float]) -> Difference:
    """Return the difference of the means of two groups of other seeds, of any spread.

    Source: Welch, Biometrika 34 (1947), with Satterthwaite's degrees of freedom.
    """
    mean = fmean(second) - fmean(first)
    if min(len(first), len(second)) < 2:
        return Difference(mean, None, None, "Welch t")
    least = step_of([*first, *second]) ** 2 / 12
    parts = [max(variance(values), least) / len(values) for values in (first, second)]
    squares = sum(
        part**2 / (len(values) - 1) for part, values in zip(parts, (first, second), strict=True)
    )
    degrees = sum(parts) ** 2 / squares if squares else len(first) + len(second) - 2
    return _judged(mean, sum(parts), degrees, "Welch t")


def step_of(values: Sequence[float]) -> float:
    """Return the step in which values come that are shares of so many samples; 0 if they are not.

    Values that are all multiples of a larger step give that one.
    """
    fractions = [Fraction(value).limit_denominator(MOST_SAMPLES) for value in values]
    samples = math.lcm(*(fraction.denominator for fraction in fractions))
    are_shares = all(float(f) == value for f, value in zip(fractions, values, strict=True))
    return 1 / samples if are_shares and samples <= MOST_SAMPLES else 0.0


def _judged(
    mean: float, squared_error: float, degrees: float, test: Literal["paired t", "Welch t"]
) -> Difference:
    error = math.sqrt(squared_error)
    reach = t_quantile(degrees, CONFIDENCE) * error
    t = abs(mean) / error if error else math.inf if mean else 0.0
    return Difference(mean, (mean - reach, mean + reach), t_probability(t, degrees), test)


def mcnemar(only_first: int, only_second: int) -> float:
    """Return McNemar's exact p-value: the chance of so uneven a split of the disagreements.

    If neither is better, each sample that exactly one has right is a fair coin: twice the smaller
    tail of a binomial distribution. Source: McNemar, Psychometrika 12 (1947).

    Args:
        only_first: samples that the first alone has right.
        only_second: those that the second alone has right.
    """
    flips, tail, ways = only_first + only_second, 0, 1
    for heads in range(min(only_first, only_second) + 1):
        tail += ways
        ways = ways * (flips - heads) // (heads + 1)
    return min(1.0, 2 * tail / (1 << flips))

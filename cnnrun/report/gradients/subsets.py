"""Which terms are missing or counted twice in a wrong sum, found by trying every set of them.

This is for a backward that cannot be taken apart, as one that overwrites what it should add to.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from cnnrun.report.gradients.contributions import Contribution
from cnnrun.report.gradients.passed import Passed

__all__ = ["subset_that_explains"]

MOST_TERMS = 12
"""Of so many terms that are not zero all sets are tried: 4,096."""
SAME = 1e-8
"""Of the sum of all terms' sizes. A set comes so near by chance in a case of ten thousand."""


def subset_that_explains(terms: Sequence[Contribution], claimed: float) -> list[Passed] | None:
    """Return the one smallest set of terms, all missing or all doubled, that gives `claimed`.

    Args:
        terms: whose sum is right.
        claimed: the wrong sum.

    Returns:
        None where there is no such set, or several of one size.
    """
    live = [term for term in terms if term.value]
    allowed = SAME * sum(abs(term.value) for term in live)
    off = claimed - sum(term.value for term in live)
    if len(live) > MOST_TERMS or not abs(off) > allowed:
        return None
    for size in range(1, len(live) + 1):
        matches = [
            (factor, chosen)
            for chosen in combinations(live, size)
            for factor in (0.0, 2.0)
            if abs((factor - 1) * sum(term.value for term in chosen) - off) <= allowed
        ]
        if matches:
            factor, chosen = matches[0]
            return [Passed(t.output, factor) for t in chosen] if len(matches) == 1 else None
    return None

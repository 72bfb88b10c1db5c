"""Whether one of two groups of runs is better by more than the luck of its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnrun.runs.groups import Group
from cnnrun.statistics import Difference, paired_difference, unpaired_difference

__all__ = ["SeedDifference", "compare_seeds", "spreads_of"]


@dataclass(frozen=True)
class SeedDifference:
    """How far a figure of two groups differs.

    Attributes:
        figure: `accuracy` or `loss`, of the best weights on the test split.
        names: of the two groups.
        seeds: of the runs of each that are finished; in pairs where they are the same.
        difference: second less first, with its interval and test.
    """

    figure: str
    names: tuple[str, str]
    seeds: tuple[tuple[int, ...], tuple[int, ...]]
    difference: Difference

    @property
    def better(self) -> str | None:
        """The name of the group that is better, shown or not; None where neither is."""
        mean = self.difference.mean
        second_is_better = (mean > 0) == (self.figure == "accuracy")
        return self.names[second_is_better] if mean else None

    @property
    def verdict(self) -> str:
        """All of it in words, said of the better group."""
        mean, interval = self.difference.mean, self.difference.interval
        unit = " points" if self.figure == "accuracy" else ""
        words = f"{self.better} is better by {self._number(abs(mean))}{unit}"
        if self.better is None:
            words = "no difference"
        if interval is None:
            return f"{words}: an interval takes two seeds of each at least"
        ends = sorted(-end if mean < 0 else end for end in interval)
        low, high = (self._number(end) for end in ends)
        shown = "shown" if self.difference.is_shown else "not shown"
        return f"{words}, interval {low} to {high}: {shown} ({self._test})"

    def to_dict(self) -> dict[str, Any]:
        """Return the difference as a JSON document."""
        difference = self.difference
        return {
            "difference": difference.mean,
            "interval": list(difference.interval) if difference.interval else None,
            "p_value": difference.p_value,
            "test": difference.test,
            "shown": difference.is_shown,
            "better": self.better,
            "verdict": self.verdict,
        }

    @property
    def _test(self) -> str:
        p_value = f"p {self.difference.p_value:.2g}"
        if self.difference.test == "paired t":
            return f"paired t-test over {len(self.seeds[0])} seeds, {p_value}"
        return f"their seeds are not the same: Welch's t-test, unpaired, {p_value}"

    def _number(self, value: float) -> str:
        return f"{100 * value:.2f}" if self.figure == "accuracy" else f"{value:.4f}"


def compare_seeds(first: Group, second: Group) -> dict[str, SeedDifference]:
    """Return how far two groups differ, by figure; only figures that both have.

    Where their finished runs have the same seeds, they are compared in pairs of one seed.
    """
    names, spreads = (first.name, second.name), (first.figures, second.figures)
    differences = {}
    for figure in spreads[0].keys() & spreads[1].keys():
        one, other = (spread[figure].values for spread in spreads)
        if one.keys() == other.keys():
            seeds = sorted(one)
            pairs = [one[seed] for seed in seeds], [other[seed] for seed in seeds]
            difference = paired_difference(*pairs)
        else:
            difference = unpaired_difference([*one.values()], [*other.values()])
        both = tuple(sorted(one)), tuple(sorted(other))
        differences[figure] = SeedDifference(figure, names, both, difference)
    return dict(sorted(differences.items()))


def spreads_of(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """Return, by figure, what came of each group: its finished seeds, means and deviations."""
    rows: dict[str, list[Any]] = {
        "seeds": [
            [seed for seed, status in group.statuses.items() if status == "finished"]
            for group in groups
        ]
    }
    spreads = [group.figures for group in groups]
    for figure in ("accuracy", "loss"):
        of_each = [spread.get(figure) for spread in spreads]
        rows[f"test_{figure}"] = [spread and spread.mean for spread in of_each]
        rows[f"test_{figure}_std"] = [spread and spread.std for spread in of_each]
    return rows

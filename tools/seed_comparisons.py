"""Counts how often two groups are called different, of equal and of really different networks.

    python tools/seed_comparisons.py
    python tools/seed_comparisons.py --train 150

The first line draws from stored accuracies of configs/lecture.yaml: of one configuration the seeds
of both groups, or the same seeds of two configurations, moved to the same mean; so there is nothing
to find. Then a true difference is added to the second group. The other line trains so many seeds
(40 of the other configuration, with a lower learning rate) and stores what came of them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from statistics import correlation, stdev

import numpy as np

import cnnrun
from cnnrun.engine.types import Array
from cnnrun.statistics import paired_difference, unpaired_difference

__all__ = ["apart", "called_different", "stored", "together"]

ROOT = Path(__file__).parents[1]
TEST_SAMPLES = 359
STORED = ROOT / "tests/golden/seed_accuracies.json"
CHANGES = {"lecture": [], "slower": ["optimizer.sgd.learning_rate=1.5"]}
TESTS = {"paired t": paired_difference, "Welch t": unpaired_difference}


@cache
def stored(name: str) -> list[float]:
    """Return the test accuracies of the seeds 0, 1, 2, ... of a configuration."""
    return [right / TEST_SAMPLES for right in json.loads(STORED.read_text())[name]]


Draw = Callable[[np.random.Generator, int], tuple[Array, Array]]
"""Gives the figures of two groups of so many seeds, whose true means are the same."""


def apart(random: np.random.Generator, seeds: int) -> tuple[Array, Array]:
    """Return figures of one configuration, of other seeds in each group: pairs by chance."""
    drawn = random.permutation(np.array(stored("lecture")))[: 2 * seeds]
    return drawn[:seeds], drawn[seeds:]


def together(random: np.random.Generator, seeds: int) -> tuple[Array, Array]:
    """Return figures of the same seeds in two configurations, moved by samples to one mean."""
    second = np.array(stored("slower"))
    first = np.array(stored("lecture"))[: len(second)]
    drawn = random.permutation(len(second))[:seeds]
    moved = round((first.mean() - second.mean()) * TEST_SAMPLES)
    return first[drawn], (np.round(second * TEST_SAMPLES) + moved)[drawn] / TEST_SAMPLES


def called_different(
    draw: Draw, test: str, seeds: int = 5, difference: float = 0.0, comparisons: int = 1000
) -> float:
    """Return the share of simulated comparisons in which a difference is shown.

    Args:
        draw: gives two groups between which there is none.
        test: `paired t` or `Welch t`.
        seeds: so many in each group.
        difference: that is added to the second group, in standard deviations of one seed.
        comparisons: how many are simulated.
    """
    random, added = np.random.default_rng(0), difference * stdev(stored("lecture"))
    shown = 0
    for _ in range(comparisons):
        first, second = draw(random, seeds)
        shown += TESTS[test](first.tolist(), (second + added).tolist()).is_shown
    return shown / comparisons


def train(seeds: int) -> None:
    """Train, and store how many test samples each seed has right."""
    right = {}
    for name, changes in CHANGES.items():
        experiment = cnnrun.load_experiment(ROOT / "configs/lecture.yaml", changes)
        with tempfile.TemporaryDirectory() as folder:
            group = cnnrun.train_seeds(experiment, 40 if changes else seeds, folder, workers=1)
            values = group.figures["accuracy"].values
            right[name] = [round(TEST_SAMPLES * values[seed]) for seed in group.seeds]
    STORED.write_text(json.dumps(right) + "\n")


def main() -> None:
    """Print a line for every number of seeds and test."""
    parser = argparse.ArgumentParser(description="Counts false alarms, and what is noticed.")
    parser.add_argument("--train", type=int, metavar="SEEDS")
    options = parser.parse_args()
    if options.train:
        train(options.train)
    accuracies, other = stored("lecture"), stored("slower")
    print(f"{len(accuracies)} seeds, standard deviation {100 * stdev(accuracies):.2f} points")
    alike = correlation(accuracies[: len(other)], other)
    print(f"{len(other)} seeds in two configurations, correlation {alike:.2f}")
    print("shown of 1,000 comparisons at a true difference of 0, 1, 2, 3 standard deviations:")
    for seeds in (2, 3, 5, 10):
        for words, draw, test in (
            ("pairs by chance", apart, "paired t"),
            ("pairs of the same seed", together, "paired t"),
            ("other seeds", apart, "Welch t"),
        ):
            shares = (called_different(draw, test, seeds, difference) for difference in range(4))
            each = "  ".join(f"{share:6.1%}" for share in shares)
            print(f"{seeds:2} seeds, {words + ', ' + test:32} {each}")


if __name__ == "__main__":
    main()

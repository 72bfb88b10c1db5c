"""Counts how often 95% intervals cover the truth, over simulated test sets of 156 samples.

    python tools/interval_coverage.py [SETS]

A network of three classes has Gaussian scores, whose noise sets its true accuracy, F1 and AUC;
these are measured once on 300,000 samples. Then come the test sets: of each, every kind of
interval. It takes three minutes for 1,000 sets.
"""

from __future__ import annotations

import sys
from statistics import NormalDist

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.runs.measures import ClassFigures
from cnnrun.statistics import Interval

__all__ = ["coverage", "simulated"]

SAMPLES = 156
NAMES = ("a", "b", "c")
NORMAL = NormalDist()
RESAMPLES = 1000


def simulated(random: np.random.Generator, samples: int, noise: float) -> ClassFigures:
    """Return the figures of a test set; the classes are in shares of 0.5, 0.3 and 0.2."""
    labels = random.choice(len(NAMES), samples, p=[0.5, 0.3, 0.2])
    scores = random.normal(0, noise, (samples, len(NAMES)))
    scores[np.arange(samples), labels] += 1
    return ClassFigures(scores, labels, NAMES)


def alternatives(right: Array, random: np.random.Generator) -> dict[str, Interval]:
    """Return bootstrap intervals of an accuracy, by the share of right answers of the resamples.

    Source of BCa: Efron, JASA 82 (1987); the acceleration is a sixth of the skewness of the mean.
    """
    samples, share = len(right), float(right.mean())
    drawn = np.sort(random.binomial(samples, share, RESAMPLES) / samples)
    low, high = np.quantile(drawn, [0.025, 0.975])
    ends = {"percentile": (float(low), float(high)), "BCa": (share, share)}
    below = float((np.mean(drawn < share) + np.mean(drawn <= share)) / 2)
    if 0 < below < 1 and 0 < share < 1:
        bias = NORMAL.inv_cdf(below)
        moved = share - right
        skew = float((moved**3).sum() / (6 * (moved**2).sum() ** 1.5))
        shifted = (bias + NORMAL.inv_cdf(tail) for tail in (0.025, 0.975))
        tails = [NORMAL.cdf(bias + reach / (1 - skew * reach)) for reach in shifted]
        low, high = np.quantile(drawn, tails)
        ends["BCa"] = (float(low), float(high))
    return ends


def coverage(noise: float, sets: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return, by figure and kind of interval, the truth and the share of sets that covers it."""
    random = np.random.default_rng(seed)
    whole = simulated(random, 300_000, noise)
    truth = {name: value or 0.0 for name, value in whole.metrics.items()}
    hits: dict[str, list[bool]] = {}
    for _ in range(sets):
        figures = simulated(random, SAMPLES, noise)
        known = dict(figures.intervals.overall)
        every = {
            "accuracy, Wilson": ("accuracy", known["accuracy"]),
            "F1, percentile": ("f1", known["f1"]),
            "AUC, percentile": ("auc", known["auc"]),
            "balanced, percentile": ("balanced_accuracy", known["balanced_accuracy"]),
        }
        right = figures.scores.argmax(axis=1) == figures.labels
        for kind, ends in alternatives(right, random).items():
            every[f"accuracy, {kind}"] = ("accuracy", ends)
        for name, (key, interval) in every.items():
            is_in = interval is not None and interval[0] <= truth[key] <= interval[1]
            hits.setdefault(name, []).append(is_in)
    keys = {"accuracy": "accuracy", "F1": "f1", "AUC": "auc", "balanced": "balanced_accuracy"}
    return {name: (truth[keys[name.split(",")[0]]], sum(h) / sets) for name, h in hits.items()}


def main() -> None:
    """Print a line for every figure, kind of interval and noise."""
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"{sets} test sets of {SAMPLES} samples; the share of 95% intervals that cover the truth")
    for noise in (1.0, 0.7, 0.5, 0.4, 0.35):
        for name, (truth, share) in sorted(coverage(noise, sets).items()):
            print(f"{name:22} true {truth:.4f}   covered {share:6.1%}")


if __name__ == "__main__":
    main()

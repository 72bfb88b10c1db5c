"""Intervals against plain loops, and how often they cover the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from interval_coverage import coverage, simulated

from cnnrun.runs.measures import ImageFigures, LabelFigures, NumberFigures
from cnnrun.runs.measures.intervals import class_intervals, with_ends
from cnnrun.runs.measures.metrics import area_under_curve
from cnnrun.statistics import (
    bootstrap,
    paired_shares_interval,
    percentile_interval,
    wilson_interval,
)

SAMPLES = 156


def chance(hits, truth):
    return math.comb(SAMPLES, hits) * truth**hits * (1 - truth) ** (SAMPLES - hits)


def test_wilson_covers_the_truth_over_all_test_sets():
    ends = [wilson_interval(hits, SAMPLES) for hits in range(SAMPLES + 1)]
    for truth in np.linspace(0.5, 0.98, 97).tolist():
        covered = sum(
            chance(hits, truth) for hits, (low, high) in enumerate(ends) if low <= truth <= high
        )
        assert 0.93 < covered < 0.976


def test_wilson_by_hand():
    assert wilson_interval(0, 0) is None
    assert wilson_interval(0, 10) == (0.0, pytest.approx(0.2775, abs=1e-4))
    assert wilson_interval(10, 10) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    assert wilson_interval(15, 20) == pytest.approx((0.5313, 0.8881), abs=1e-4)


def test_intervals_cover_the_truth_of_simulated_networks():
    measured = coverage(0.5, 100)
    for kind in ("accuracy, Wilson", "F1, percentile", "AUC, percentile"):
        assert measured[kind][1] >= 0.88


def test_areas_of_resamples_are_those_of_the_samples_written_out():
    random = np.random.default_rng(3)
    scores = random.integers(0, 6, (40, 3)) / 6  # many are equal
    true = random.integers(0, 3, 40)[:, None] == np.arange(3)
    chosen = scores.argmax(axis=1)[:, None] == np.arange(3)
    drawn = []
    bootstrap(40, lambda counts: drawn.append(counts) or counts[:1], 3)
    areas = np.array(
        [
            [
                area_under_curve(np.repeat(scores[:, k], times), np.repeat(true[:, k], times))
                for k in range(3)
            ]
            for times in np.concatenate(drawn, axis=1).T.astype(int)
        ],
        float,
    )
    found = class_intervals(scores, chosen, true)
    for k in range(3):
        assert found.rows[k]["auc"] == pytest.approx(percentile_interval(areas[:, k]))
    assert found.overall["auc"] == pytest.approx(percentile_interval(areas.mean(axis=1)))


def test_intervals_repeat_and_hold_the_figure():
    figures = simulated(np.random.default_rng(1), SAMPLES, 0.5)
    again = simulated(np.random.default_rng(1), SAMPLES, 0.5)
    assert figures.intervals == again.intervals
    for key in ("accuracy", "f1", "auc"):
        low, high = figures.intervals.overall[key]
        assert low < getattr(figures, key) < high


def test_of_two_classes_the_auc_is_that_of_the_second():
    random = np.random.default_rng(0)
    scores = random.random((30, 2))
    true = random.integers(0, 2, 30)[:, None] == np.arange(2)
    intervals = class_intervals(scores, scores > 0.5, true)
    assert intervals.overall["auc"] == intervals.rows[1]["auc"]


@pytest.mark.parametrize("members", [0, 20])
def test_what_is_not_defined_has_no_interval(members):
    true = np.arange(20)[:, None] < members
    scores = np.linspace(0, 1, 20)[:, None]
    (row,) = class_intervals(scores, true, true).rows
    assert row["auc"] is None
    assert row["f1"] is None
    assert (row["recall"] is None) == (members == 0)


def test_numbers_labels_and_images_have_intervals():
    random = np.random.default_rng(0)
    true = random.normal(size=(60, 2))
    numbers = NumberFigures(true + random.normal(0, 0.3, (60, 2)), true, ("a", "b"))
    document = numbers.to_dict()
    for key in ("mae", "rmse", "r2"):
        for figures in (numbers.intervals.overall, numbers.intervals.rows[0]):
            low, high = figures[key]
            assert low < high
        low, high = document["per_target"][1][f"{key}_interval"]
        assert low < document["per_target"][1][key] < high
    labels = LabelFigures(random.random((60, 2)), random.integers(0, 2, (60, 2)), ("a", "b"))
    assert labels.intervals.overall.keys() == {"accuracy", "exact_match", "f1", "auc"}
    images = ImageFigures(random.random(60), random.random(60), None, ())
    low, high = images.intervals.overall["psnr"]
    assert low < images.psnr < high
    for figures in (numbers, labels, images):
        assert figures.summary_with_intervals.count("(") >= 2


def test_ends_stand_behind_a_figure():
    assert with_ends("0.9231", (0.874, 0.961)) == "0.9231 (0.8740-0.9610)"
    assert with_ends("0.1000", (-0.2, 0.4)) == "0.1000 (-0.2000 to 0.4000)"
    assert with_ends("1.0000", None) == "1.0000"


def test_the_interval_of_two_shares_by_hand():
    low, high = paired_shares_interval(2, 8, 98)
    middle, reach = 6 / 100, 1.959964 * math.sqrt(11 - 36 / 100) / 100
    assert (low, high) == pytest.approx((middle - reach, middle + reach), rel=1e-6)
    assert paired_shares_interval(8, 2, 98) == pytest.approx((-high, -low))
    assert paired_shares_interval(0, 3, 3)[1] <= 1


@pytest.mark.parametrize(("only_first", "only_second"), [(0.02, 0.02), (0.05, 0.1), (0.01, 0.03)])
def test_the_interval_of_two_shares_covers_their_difference(only_first, only_second):
    chances = [only_first, only_second, 1 - only_first - only_second]
    drawn = np.random.default_rng(0).multinomial(SAMPLES, chances, 1000).tolist()
    ends = [paired_shares_interval(first, second, SAMPLES) for first, second, _ in drawn]
    covered = sum(low <= only_second - only_first <= high for low, high in ends)
    assert covered >= 930

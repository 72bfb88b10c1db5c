"""Tests of differences against tables, hand-worked numbers and exact counts."""

from __future__ import annotations

import math
from statistics import fmean

import pytest

from cnnrun.statistics import mcnemar, mean_interval, paired_difference, unpaired_difference
from cnnrun.statistics.comparing import step_of
from cnnrun.statistics.student import t_probability, t_quantile


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.7062), (2, 4.3027), (4, 2.7764), (9, 2.2622), (30, 2.0423), (1e6, 1.9600)],
)
def test_quantiles_are_those_of_the_tables(degrees, quantile):
    assert t_quantile(degrees) == pytest.approx(quantile, abs=5e-5)
    assert t_probability(quantile, degrees) == pytest.approx(0.05, abs=1e-5)


def test_probabilities_in_closed_form():
    for t in (0.0, 0.3, 1.0, 5.0, 40.0):  # of one degree it is Cauchy's distribution
        assert t_probability(t, 1) == pytest.approx(1 - 2 * math.atan(t) / math.pi, abs=1e-12)
        assert t_probability(t, 2) == pytest.approx(1 - t / math.sqrt(2 + t * t), abs=1e-12)
    assert t_probability(math.inf, 3) == 0


def test_the_interval_of_a_mean():
    assert mean_interval([0.9]) is None
    assert mean_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx((1.0368, 4.9632), abs=1e-4)
    low, high = mean_interval([0.97, 0.99], (0, 1))
    assert low == pytest.approx(0.8529, abs=1e-4)
    assert high == 1


def test_a_difference_in_pairs():
    first, second = [0.90, 0.91, 0.92, 0.93, 0.94], [0.91, 0.93, 0.93, 0.95, 0.95]
    difference = paired_difference(first, second)  # 1, 2, 1, 2, 1 points: s = 0.5477
    assert difference.mean == pytest.approx(0.014)
    assert difference.interval == pytest.approx((0.0072, 0.0208), abs=1e-4)
    assert difference.p_value == pytest.approx(0.0046, abs=1e-4)
    assert difference.is_shown
    turned = paired_difference(second, first)
    assert turned.interval == pytest.approx([-end for end in difference.interval[::-1]])
    assert not unpaired_difference(first, second).is_shown


def test_a_difference_of_groups_of_other_sizes_and_spreads():
    first, second = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9], [27.1, 22.0, 20.8, 23.4]
    difference = unpaired_difference(first, second)
    parts = [
        sum((v - fmean(values)) ** 2 for v in values) / (len(values) - 1) / len(values)
        for values in (first, second)
    ]
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 5 + parts[1] ** 2 / 3)
    reach = t_quantile(degrees) * math.sqrt(sum(parts))
    mean = fmean(second) - fmean(first)
    assert difference.interval == pytest.approx((mean - reach, mean + reach))
    assert difference.p_value == pytest.approx(t_probability(mean / math.sqrt(sum(parts)), degrees))
    assert difference.test == "Welch t"


def test_too_few_values_have_no_interval():
    for difference in (paired_difference([1.0], [3.0]), unpaired_difference([1.0], [3.0, 3.0])):
        assert (difference.mean, difference.interval, difference.p_value) == (2, None, None)
        assert not difference.is_shown


def test_values_without_spread():
    same = paired_difference([0.5, 0.5], [0.5, 0.5])
    assert (same.mean, same.interval, same.p_value, same.is_shown) == (0, (0, 0), 1, False)
    assert unpaired_difference([math.e, math.e], [math.pi, math.pi]).p_value == 0


def test_shares_that_happen_to_have_no_spread_are_spread_by_their_step():
    first, second = [351 / 359, 352 / 359], [352 / 359, 353 / 359]
    assert step_of([*first, *second]) == pytest.approx(1 / 359)
    difference = paired_difference(first, second)  # one sample more with both seeds
    assert not difference.is_shown
    assert difference.p_value == pytest.approx(t_probability(math.sqrt(12), 1))
    assert not unpaired_difference([351 / 359] * 2, [352 / 359] * 2).is_shown
    assert paired_difference([0.9] * 5, [0.99] * 5).is_shown


def test_the_step_of_values():
    assert step_of([0.5, 0.25]) == 0.25
    assert step_of([0.1, 1.0]) == pytest.approx(0.1)
    assert step_of([math.pi, 0.5]) == 0
    assert step_of([1 / 999_983, 1 / 359]) == 0


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(0, 0, 1), (1, 0, 1), (5, 5, 1), (0, 5, 0.0625), (0, 6, 0.03125), (1, 8, 20 / 512)],
)
def test_mcnemar_by_hand(first, second, p_value):
    assert mcnemar(first, second) == mcnemar(second, first) == p_value


def test_mcnemar_of_many_is_near_the_normal_distribution():
    first, second = 10_000, 10_400
    z = (abs(first - second) - 1) / math.sqrt(first + second)
    assert mcnemar(first, second) == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-2)

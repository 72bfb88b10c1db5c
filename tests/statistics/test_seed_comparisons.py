"""How often groups are called different: of equal networks, and of really different ones."""

from __future__ import annotations

import pytest
from seed_comparisons import apart, called_different, stored, together

CASES = [(apart, "paired t"), (together, "paired t"), (apart, "Welch t")]


@pytest.mark.parametrize(("draw", "test"), CASES)
def test_equal_configurations_are_called_different_as_rarely_as_is_said(draw, test):
    for seeds in (2, 5):
        assert called_different(draw, test, seeds) <= 0.07


@pytest.mark.parametrize(("draw", "test"), CASES)
def test_two_standard_deviations_are_noticed_with_five_seeds(draw, test):
    assert called_different(draw, test, difference=2, comparisons=300) > 0.6


def test_the_stored_results_are_of_many_seeds():
    assert len(stored("lecture")) >= 100
    assert len(stored("slower")) >= 40

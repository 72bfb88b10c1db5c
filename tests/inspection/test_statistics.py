"""The figures of an array are those of its finite values."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from cnnrun.inspection.statistics import figures_of, to_csv


def test_figures():
    figures = figures_of("00_dense", "dw", np.array([3.0, -4.0, 0.0]), np.array([6.0, 8.0]))
    assert (figures.norm, figures.min, figures.max) == (5, -4, 3)
    assert figures.mean == pytest.approx(-1 / 3)
    assert figures.std == pytest.approx(np.std([3, -4, 0]))
    assert figures.zeros == pytest.approx(1 / 3)
    assert figures.gradient_to_weight == 0.5


def test_what_is_not_finite_is_counted_and_left_out():
    figures = figures_of("l", "y", np.array([np.nan, np.inf, -np.inf, 2.0], np.float32))
    assert (figures.nan, figures.infinite, figures.norm, figures.mean) == (1, 2, 2, 2)
    nothing = figures_of("l", "y", np.array([np.nan]))
    assert (nothing.nan, nothing.norm, nothing.max) == (1, None, None)
    assert figures_of("l", "dw", np.ones(2), np.zeros(2)).gradient_to_weight is None


def test_a_row_for_every_array():
    rows = [figures_of("l", "y", np.ones((2, 3))), figures_of("l", "x", np.array([np.nan]))]
    first, second = csv.DictReader(to_csv(rows).splitlines())
    assert (first["shape"], first["norm"]) == ("2x3", repr(6**0.5))
    assert (second["nan"], second["norm"]) == ("1", "")

"""Metrics against hand-worked numbers and plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrun.runs.measures.metrics import (
    accuracy,
    area_under_curve,
    confusion_matrix,
    mean_area_under_curve,
    per_class,
)

SCORES = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.4, 0.1], [0.2, 0.5, 0.3]])
LABELS = np.array([0, 1, 1, 1])


def test_hand_worked_numbers():
    assert accuracy(SCORES, LABELS) == 0.75
    matrix = confusion_matrix(SCORES.argmax(axis=1), LABELS, 3)
    assert matrix.tolist() == [[1, 0, 0], [1, 2, 0], [0, 0, 0]]
    zero, one, two = per_class(SCORES, LABELS, "abc")
    assert (zero.precision, zero.recall, zero.support) == (0.5, 1.0, 1)
    assert zero.f1 == pytest.approx(2 / 3)
    assert (one.precision, one.recall) == (1.0, pytest.approx(2 / 3))
    assert (two.precision, two.recall, two.f1, two.auc, two.support) == (None, None, None, None, 0)
    assert one.auc == 1.0


def test_area_under_curve_equals_counting_pairs():
    rng = np.random.default_rng(0)
    scores, positive = rng.integers(0, 6, 40) / 5, rng.random(40) < 0.4
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a in scores[positive]
        for b in scores[~positive]
    ]
    assert area_under_curve(scores, positive) == pytest.approx(np.mean(wins), abs=1e-14)


def test_the_mean_auc_is_that_of_every_class_against_all_others():
    areas = [entry.auc for entry in per_class(SCORES, LABELS, "abc")]
    assert mean_area_under_curve(SCORES, LABELS) == np.mean(areas[:2])  # there is no third
    two = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3]])
    assert mean_area_under_curve(two, np.array([0, 1, 1])) == 1.0
    assert mean_area_under_curve(two, np.array([1, 1, 1])) is None
    several = np.array([[1, 0], [1, 1], [0, 0]], np.float32)
    assert mean_area_under_curve(two, several) == (0.5 + 1) / 2


def test_several_labels_an_image():
    labels = np.array([[1, 0], [1, 1], [0, 0]], np.float32)
    scores = np.array([[0.9, 0.6], [0.4, 0.7], [0.1, 0.2]])
    assert accuracy(scores, labels) == pytest.approx(4 / 6)
    first, second = per_class(scores, labels, ["a", "b"])
    assert (first.precision, first.recall, first.auc) == (1.0, 0.5, 1.0)
    assert (second.precision, second.recall, second.support) == (0.5, 1.0, 1)

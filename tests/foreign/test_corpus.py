"""Wrong backwards as students write them: found, localised, and named; right ones pass."""

from __future__ import annotations

import re

import pytest
from homework.checked import report_on
from homework.mistakes import MISTAKES
from homework.pairs import PAIRS

BY_NAME = {mistake.name: mistake for mistake in MISTAKES}
NAMED = (
    "tanh_slope_of_x", "sigmoid_half_its_slope", "tanh_of_tanh", "relu_multiplied_by_its_output",
    "leaky_relu_slope_on_the_other_side", "regularisation_forgotten", "attention_dk_before_dq",
    "softmax_loss_label_not_subtracted", "groupnorm_eps_forgotten", "relu_mask_inverted",
)  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES[::8], ids=lambda mistake: mistake.name)
def test_a_mistake_is_found_in_the_tensors_that_are_wrong(mistake):
    report = report_on(mistake, 1)
    assert report.verdict == "fail"
    wrong = {row.tensor for row in report.rows if row.verdict == "fail"}
    assert wrong in (set(mistake.guilty), {"-"})


@pytest.mark.parametrize("name", NAMED)
def test_its_kind_is_named(name):
    report = report_on(BY_NAME[name], 0)
    said = [str(row.diagnosis) for row in report.rows if row.verdict == "fail"]
    assert any(re.search(BY_NAME[name].kind, text, re.IGNORECASE) for text in said), said


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_a_right_pair_passes(pair):
    report = report_on(pair, 7)
    assert report.passed, report

"""What the report says a check would find is found, by the tool behind the table in the docs."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import cnnrun
from cnnrun.engine import Layer
from cnnrun.engine.layers import Dense

ROOT = Path(__file__).parents[2]
spec = importlib.util.spec_from_file_location("limits", ROOT / "tools/detection_limits.py")
tool = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = tool  # a dataclass looks there
spec.loader.exec_module(tool)


SAMPLED = tool.Case("one of 300 weights", Dense(Dense.Config(15), (20,)), "w", False, budget=200)


@pytest.mark.parametrize("case", [*tool.CASES[2:5:2], SAMPLED], ids=lambda case: case.name)
def test_errors_above_the_limit_are_found_and_tiny_ones_are_not(case):
    limit = case.limit()
    assert 1e-8 < limit < 1e-3
    assert case.finds(5 * limit, seed=0)
    assert not case.finds(1e-9, seed=0)


def test_more_is_seen_where_all_elements_are_compared():
    assert SAMPLED.limit() > 1.5 * replace(SAMPLED, budget=None).limit()


def test_nothing_can_be_said_of_a_gradient_that_is_zero():
    class Constant(Layer):
        def forward(self, x, ctx):
            return 0 * x

        def backward(self, dy, ctx):
            return 0 * dy

    report = cnnrun.gradcheck(Constant(Layer.Config(), (3,)))
    assert report.detection_limit is None
    assert report.to_dict()["detection_limit"] is None


def test_the_docs_have_the_table_of_these_cases():
    page = (ROOT / "docs/gradcheck.md").read_text("utf-8")
    head = next(tool.table(0))
    assert head in page
    for case in tool.CASES:
        assert f"\n| {case.name} |" in page

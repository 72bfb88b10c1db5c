"""The JAX functions of the corpus are right and wrong where they say so."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")
def test_jax_derives_what_is_right_and_differs_where_a_mistake_says():
    judge = subprocess.run(
        [sys.executable, "-m", "homework.judge_jax"],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not judge.returncode, judge.stderr
    rows = json.loads(judge.stdout)
    assert (len(rows["right"]), len(rows["wrong"])) == (10, 20)
    for name, differs, guilty, fails in rows["right"] + rows["wrong"]:
        assert differs == guilty, name
        assert guilty or not fails, name
    assert all(guilty for _, _, guilty, _ in rows["wrong"])
    assert len({name for name, *_ in rows["right"] + rows["wrong"]}) == 30

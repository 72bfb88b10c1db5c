"""Functions of JAX with a derivative of their own are checked as pairs of functions are."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cnnrun.errors import ConfigError
from cnnrun.foreign.inputs import read_inputs
from cnnrun.foreign.jax import open_jax

TESTS = Path(__file__).parents[1]
needs_jax = pytest.mark.skipif(find_spec("jax") is None, reason="JAX is not installed")


@pytest.fixture(scope="module")
def judge():
    """What a process of its own says: JAX warns every process that imported it and forks."""
    done = subprocess.run(
        [sys.executable, "-m", "foreign.judge_jax"],
        cwd=TESTS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@needs_jax
@pytest.mark.parametrize("name", ["pick", "softplus"])
def test_what_is_right_passes(judge, name):
    assert judge["own"][name] == [True, [], ""]


@needs_jax
@pytest.mark.parametrize(
    ("name", "guilty", "message"),
    [
        ("softplus_wrong", ["w"], ""),
        ("no_gradient", ["x"], ""),
        ("other_rule", [None], "returns other outputs than other_rule itself"),
        ("wrong_shape", [None], "float64[3] corresponding to an input of type float64[4,3]"),
        ("crash", [None], "crashes: TypeError at jax_ops.py:"),
        ("narrow", [None], "returns float32 though its inputs are float64"),
        ("narrow_hidden", [None], "computes in float32"),
        ("nothing", [None], "is its return statement missing?"),
        ("missing", [], "jax_ops.py has nothing called missing; it has pick"),
    ],
)
def test_what_is_wrong_is_found_and_said(judge, name, guilty, message):
    passed, tensors, said = judge["own"][name]
    assert (passed, tensors) == (False, guilty)
    assert message in said


@needs_jax
def test_the_corpus_is_told_right_from_wrong(judge):
    """Ten functions and ten mistakes, written without a look at the check."""
    rows = judge["corpus"]
    assert len(rows) == 20
    for name, (expected, passed, guilty, _) in rows.items():
        assert passed == (not expected), name
        assert set(guilty) <= set(expected), name


@needs_jax
def test_the_width_of_numbers_is_put_back(judge):
    assert judge["stays_wide"] is False


def test_without_jax_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(ConfigError, match="install it: pip install jax"):
        open_jax("ops.py:f", read_inputs({"x": "4x3"}), {})

"""What stands in a user's file: names of functions, a table GRADCHECK, or a YAML file beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

import cnnrun
from cnnrun.errors import ConfigError
from cnnrun.foreign import open_pair

CODE = """
import numpy as np
import helper

def affine_forward(x, w):
    return helper.product(x, w), (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout

def wrong_backward(dout, cache):
    return affine_backward(dout, cache)[0], -affine_backward(dout, cache)[1]
"""
TABLE = """
GRADCHECK = {
    "right": {"forward": affine_forward, "backward": "affine_backward",
              "inputs": {"x": "4x3", "w": [3, 2]}, "like": "dense"},
    "wrong": {"forward": affine_forward, "backward": wrong_backward,
              "inputs": {"x": "4x3", "w": "3x2"}},
}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("def product(x, w):\n    return x @ w\n", "utf-8")
    (tmp_path / "hw.py").write_text(CODE, "utf-8")
    (tmp_path / "table.py").write_text(CODE + TABLE, "utf-8")
    return tmp_path


def check(place: str, **inputs: str) -> cnnrun.Report:
    (function, own), said = open_pair(place, inputs, {})
    return cnnrun.gradcheck(function, inputs=own, **said)


def test_two_names_are_a_pair(folder):
    assert check(f"{folder / 'hw.py'}:affine_forward,affine_backward", x="4x3", w="3x2").passed
    assert not check(f"{folder / 'hw.py'}:affine_forward,wrong_backward", x="4x3", w="3x2").passed


def test_a_table_saves_the_flags_and_flags_go_before_it(folder):
    assert check(f"{folder / 'table.py'}:right").passed
    (function, own), said = open_pair(f"{folder / 'table.py'}:wrong", {"x": "7x3"}, {})
    assert own["x"].shape == (7, 3)
    assert said == {}
    assert cnnrun.gradcheck(function, inputs=own).guilty.tensor == "w"


def test_yaml_names_the_file(folder):
    yaml = folder / "hw.yaml"
    yaml.write_text(
        "file: hw.py\nforward: affine_forward\nbackward: affine_backward\n"
        "inputs: {x: 4x3, w: [3, 2]}\n",
        "utf-8",
    )
    assert check(str(yaml)).passed


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("none.py:a,b", "there is no file"),
        ("hw.py", "which functions. It has .*hw.py:affine_forward,affine_backward"),
        ("hw.py:affine_forward,back", "nothing called back; it has affine_forward"),
        ("hw.py:affine_forward,affine_backward", "affine_forward needs inputs"),
        ("hw.py:np,affine_backward", "np is a module, not a function"),
        ("table.py", "name one of its checks, as in .*table.py:right"),
        ("broken.py:a,b", "reading broken.py crashes: SyntaxError"),
        ("hw.txt:a,b", "is no Python file"),
        ("odd.py", "unknown key inptus; did you mean inputs"),
        ("odd.yaml", "expected a mapping with file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(folder, place, words):
    (folder / "broken.py").write_text("def f(:\n", "utf-8")
    (folder / "hw.txt").write_text(CODE, "utf-8")
    (folder / "odd.py").write_text("GRADCHECK = {'forward': abs, 'inptus': {}}\n", "utf-8")
    (folder / "odd.yaml").write_text("forward: x\n", "utf-8")
    with pytest.raises(ConfigError, match=words):
        check(str(folder / place))


def test_mistakes_planted_into_a_right_backward_are_all_found(folder):
    (function, own), _ = open_pair(
        f"{folder / 'hw.py'}:affine_forward,affine_backward", {"x": "4x3", "w": "3x3"}, {}
    )
    report = cnnrun.gradcheck(function, inputs=own, self_test=True)
    assert report.passed
    assert {"dw: transposed", "dx: one element 1% too large"} <= {m.name for m in report.mutants}
    assert len(report.mutants) == 15

"""What a check leaves behind: JSON, JUnit XML, error maps; and the exercise in the docs."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path

import junitparser
import numpy as np
import pytest
from PIL import Image
from test_contract import layer_with

import cnnrun
from cnnrun.engine.layers import Conv2D
from cnnrun.errors import GradientError
from cnnrun.gradcheck.mutants import MUTANTS
from cnnrun.gradcheck.report.error_maps import write_error_maps
from cnnrun.gradcheck.report.junit import to_junit
from cnnrun.gradcheck.selftest import check_mutant, mutant_report

ROOT = Path(__file__).parents[2]


class Wrong(Conv2D):
    """A convolution with one border pixel of dx at zero; its name is not fit for XML."""

    def backward(self, dy, ctx):
        dx = np.array(super().backward(dy, ctx))
        dx[0, 0, 1, 0] = 0
        return dx


@pytest.fixture(scope="module")
def report():
    layer = Wrong(Conv2D.Config(2, 3), (6, 5, 1))
    layer.type_name = "my <layer> & \x00"
    return cnnrun.gradcheck(layer)


def test_json(report):
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document.keys() >= {
        "schema_version", "verdict", "tensors", "guilty", "diagnosis", "seed", "announced", "spent",
    }  # fmt: skip
    assert document["verdict"] == "fail"
    assert document["guilty"]["tensor"] == "x"
    rows = {row["tensor"]: row for row in document["tensors"]}
    assert rows.keys() == {"x", "w", "b"}
    for row in rows.values():
        assert row.keys() >= {
            "layer", "tensor", "checked", "resolved", "kinks", "worst_relative_error",
            "worst_index", "verdict",
        }  # fmt: skip
    assert rows["x"]["worst_index"] == [0, 0, 1, 0]
    assert rows["x"]["worst_relative_error"] == 1.0
    assert rows["x"]["analytic"] == 0.0
    assert rows["w"]["verdict"] == "pass"
    with pytest.raises(GradientError, match="one element on the border is set to zero"):
        report.raise_if_failed()


def test_junit(report):
    (suite,) = junitparser.JUnitXml.fromstring(to_junit(report).encode())
    assert (suite.tests, suite.failures, suite.skipped) == (3, 1, 0)
    cases = {case.name: case for case in suite}
    assert cases.keys() == {"dx", "dw", "db"}
    assert cases["dw"].is_passed
    (failure,) = cases["dx"].result
    assert isinstance(failure, junitparser.Failure)
    assert "set to zero" in failure.message
    assert cases["dx"].classname == "my <layer> & ?"


def test_junit_of_what_is_uncertain_and_of_mutants():
    silent = layer_with(forward=lambda self, x, ctx: 0 * x, backward=lambda self, dy, ctx: 0 * dy)
    (suite,) = junitparser.JUnitXml.fromstring(to_junit(cnnrun.gradcheck(silent)).encode())
    assert suite.skipped == 1
    survivor = replace(check_mutant(MUTANTS[0]), killed=False, found_by=[])
    report = mutant_report([survivor, check_mutant(MUTANTS[1])], 0, 1.0)
    assert report.verdict == "fail"
    (suite,) = junitparser.JUnitXml.fromstring(to_junit(report).encode())
    assert (suite.tests, suite.failures) == (2, 1)
    assert report.to_dict()["mutants"][0].keys() >= {"name", "killed", "stage"}


def test_maps(report, tmp_path):
    files = write_error_maps(report, tmp_path / "maps")
    with np.load(files[0], allow_pickle=False) as arrays:
        keys = {key.rpartition("/")[2] for key in arrays}
        name = next(key for key in arrays if key.endswith("/x/claimed"))
        error = arrays[name.replace("claimed", "relative_error")]
        assert arrays[name].shape == error.shape == (4, 6, 5, 1)
    assert keys == {"claimed", "right", "relative_error"}
    assert error[0, 0, 1, 0] == 1
    assert np.sum(error > 1e-6) == 1
    assert len(files) == 4
    for file in files[1:]:
        with Image.open(file) as picture:
            assert picture.size == (1000, 380)
        assert re.fullmatch(r"[\w.-]+", file.name)


def test_the_exercise_says_what_the_checker_says():
    path = ROOT / "tools/make_exercise.py"
    spec = importlib.util.spec_from_file_location("make_exercise", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def settled(text):  # without timings, and figures that depend on rounding
        return re.sub(r"\d+\.\d+ s|\d+e[-+]\d+ +|\[[\d,]+\]|[\d,]+ +(fail|pass)", "", text)

    written = (ROOT / "docs/exercise/README.md").read_text("utf-8")
    layers = tool.LAYER.findall((ROOT / "docs/exercise/wrong_layers.py").read_text("utf-8"))
    assert len(layers) == 5
    for name, _ in layers:
        _, output = tool.answer(name)
        text = settled(" ".join(output.split()))
        diagnosis = re.search(rf"{name}, d\w+: (.+?)(?= worst at| fail:|$)", text)[1]
        assert diagnosis in settled(" ".join(written.split())), name

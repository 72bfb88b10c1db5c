"""What a check leaves behind: JSON, JUnit XML, error maps; and the exercise in the docs."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import junitparser
import numpy as np
import pytest
from PIL import Image
from test_contract import layer_with

import cnnrun
from cnnrun.cli.reports import show_report
from cnnrun.engine import Network
from cnnrun.engine.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
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
        if dx.size:  # none where nobody needs it
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


def test_what_is_printed_is_short(report):
    lines = repr(report).splitlines()
    assert str(report) == repr(report)
    assert len(lines) == 6
    assert lines[0] == "gradient check of my <layer> & \x00: fail"
    assert lines[1].endswith("one element on the border is set to zero: sample 0, row 0, column 1, "
                             "channel 0")  # fmt: skip
    assert lines[2] == "layers and losses: 1; tensors: 1 fail, 2 pass"
    assert lines[3] == "look first at: my <layer> & \x00, dx"
    assert lines[4] == "worst relative error: 1.0e+00 in my <layer> & \x00, dx"
    assert re.fullmatch(r"cost: [\d,]+ forward passes, \d+\.\d s, seed 0", lines[5])
    assert len(repr(report.rows)) < 2000  # without the arrays
    everything = cnnrun.gradcheck(Conv2D.Config(2, 3), input_shape=(6, 5, 1))
    assert len(repr(everything).splitlines()) == 6
    assert not everything.guilty


def test_what_is_printed_of_a_network_is_short(capsys):
    block = [Conv2D.Config(3, 3, padding="same"), BatchNorm.Config(), ReLU.Config()]
    network = Network([*block, *block, *block, Flatten.Config(), Dense.Config(3)], (6, 6, 1))
    report = cnnrun.gradcheck(network, budget=3000)
    assert report.passed
    assert len(repr(report.rows)) > 3000
    lines = str(report).splitlines()
    assert len(lines) <= 10
    assert len(repr(report)) < 1500
    assert len(repr(report.executed)) < 1000
    assert len(repr(report.rows[0].points)) < 4000
    assert "layers and losses: 12; tensors: " in lines[2]
    assert any(line.startswith("worst relative error: ") for line in lines)
    limit = report.to_dict()["detection_limit"]
    assert 1e-7 < limit["element"] < 1e-3
    assert 1e-9 < limit["whole"] <= limit["element"]
    assert report.describe_limit() in lines
    assert re.fullmatch(r"cost: [\d,]+ forward passes, \d+\.\d s, seed 0", lines[-1])
    show_report(report)
    alone, through = capsys.readouterr().out.split("the loss's gradient through the whole network")
    for table in (alone, through):  # the same layer and tensor, each in a cell of its own
        assert re.search(r"00_conv2d +dw +\d+/\d+", table)
    assert "network" not in through.partition("executed")[0]


def test_a_long_line_is_cut(report):
    wordy = replace(report, title="a long title " * 100)
    assert max(map(len, repr(wordy).splitlines())) <= 200


def test_a_table_in_a_notebook(report):
    text = report._repr_html_()
    table = ElementTree.fromstring(text[text.index("<table>") :].replace("\x00", "?"))
    head, *lines = [[cell.text for cell in line] for line in table]
    rows = {line[1]: dict(zip(head, line, strict=True)) for line in lines}
    assert rows.keys() == {"dx", "dw", "db"}
    assert rows["dx"]["layer"] == "my <layer> & ?"
    assert rows["dx"]["verdict"] == "fail"
    assert rows["dx"]["worst error"] == "1e+00"
    assert rows["dx"]["at"] == "0,0,1,0"
    assert int(rows["dx"]["checked"]) == report.rows[0].count("right", "wrong", "kink")
    assert rows["dw"]["verdict"] == "pass"
    assert "<layer>" not in text


def test_the_self_test_in_a_notebook_and_in_print():
    survivor = replace(check_mutant(MUTANTS[0]), killed=False, found_by=[], name="<b>")
    report = mutant_report([survivor, check_mutant(MUTANTS[1])], 0, 1.0)
    text = report._repr_html_()
    assert "&lt;b&gt;" in text
    assert text.count("survived") == 1
    assert "1 of 2 planted mistakes found" in repr(report)
    assert len(repr(report).splitlines()) == 3
    assert len(repr(mutant_report([check_mutant(MUTANTS[1])], 0, 1.0)).splitlines()) == 3


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
        assert arrays[name].shape == error.shape == (5, 6, 5, 1)
    assert keys == {"claimed", "right", "relative_error"}
    assert error[0, 0, 1, 0] == 1
    assert np.sum(error > 1e-6) == 1
    assert len(files) == 4
    for file in files[1:]:
        with Image.open(file) as picture:
            assert picture.format == "PNG"
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

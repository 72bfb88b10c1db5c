"""The tool behind the table in the docs that sets cnnrun beside torch.autograd.gradcheck."""

from __future__ import annotations

import math
from pathlib import Path

import limits_against_torch as tool
import numpy as np
import pytest
from planted_errors import EIGHT, PARTS, Error, wrong_network, wrong_pair

ROOT = Path(__file__).parents[2]


def rows_of(lines):
    return {line.split(" | ")[0].strip("| "): line.strip(" |").split(" | ")[1:] for line in lines}


def test_a_row_for_every_place_and_dtype_and_no_false_alarm():
    pytest.importorskip("torch")
    head, _, *lines = tool.table(1, sizes=(0.0, 0.1), parts=("one tensor",))
    assert head == "| error in | none | 1e-01 |"
    rows = rows_of(lines)
    assert len(rows) == len(tool.DTYPES) * len(tool.PLACES)
    assert {right for right, _ in rows.values()} == {"0 0 0"}
    assert {wrong.split()[0] for _, wrong in rows.values()} == {"1"}
    assert rows["one tensor, alone, float64"][1] == "1 1 1"
    assert rows["one tensor, in a network, float64"][1] == "1 1 1"


def test_torch_is_given_the_tolerances_of_the_dtype():
    """Its defaults object to a right function in float32, so they cannot be used."""
    pytest.importorskip("torch")
    right = Error("one tensor", 0.0, "float32", seed=0)
    assert not tool.torch_objects(right, "alone", fast=False)
    kept, tool.TORCH["float32"] = tool.TORCH["float32"], {}
    try:
        assert tool.torch_objects(right, "alone", fast=False)
    finally:
        tool.TORCH["float32"] = kept


@pytest.mark.parametrize(("part", "count"), [*zip(PARTS, (1, 18, 54), strict=True)])
def test_only_the_chosen_part_of_one_gradient_is_wrong(part, count):
    wrong = wrong_pair(Error(part, 0.5, "float64", seed=3))
    outputs, cache = wrong.run(wrong.draw(3))
    right, planted = (
        pair.gradients(outputs, cache)
        for pair in (wrong_pair(Error(part, 0.0, "float64", 3)), wrong)
    )
    ratio = planted["w"] / right["w"]
    assert np.isclose(ratio, 1.5).sum() == count
    assert np.isclose(ratio, 1).sum() == ratio.size - count
    assert np.array_equal(planted["x"], right["x"])


def test_in_a_network_of_float32_the_float64_stays_right():
    def gradient(size, dtype, run):
        network = wrong_network(Error("one tensor", size, dtype, seed=0)).astype(run)
        pair = tool.LayerPair("wrong", network.layers["02_conv2d"])
        values = {name: array.copy() for name, array in pair.layer.params.items()}
        inputs = {"x": np.ones((1, *pair.layer.input_shape), run), **values}
        outputs, kept = pair.run(inputs)
        return pair.gradients(outputs, kept)["w"].copy()

    for dtype, run, is_wrong in (
        ("float64", "float64", True),
        ("float64", "float32", True),
        ("float32", "float32", True),
        ("float32", "float64", False),
    ):
        ratio = gradient(0.5, dtype, run) / gradient(0.0, dtype, run)
        assert np.allclose(ratio, 1.5 if is_wrong else 1.0), (dtype, run)


def test_a_layers_backward_is_that_of_its_own_forward():
    layer = wrong_network(Error("one tensor", 0.0, "float64", seed=0)).astype("float64").layers
    pair = tool.LayerPair("dense", layer["05_dense"])
    values = {name: array.copy() for name, array in pair.layer.params.items()}
    inputs = {"x": np.ones((2, *pair.layer.input_shape)), **values}
    (dy,), kept = pair.run(inputs)
    pair.run({name: 2 * array for name, array in inputs.items()})
    assert np.allclose(pair.gradients([dy], kept)["x"], dy @ values["w"].T)


def test_an_error_that_float32_rounds_away_is_none():
    single, double = (Error(PARTS[0], 1e-9, dtype, 0) for dtype in ("float32", "float64"))
    assert single.settled() == Error(PARTS[-1], 0.0, "float32", 0)
    assert double.settled() == double
    assert math.isclose(tool.SIZES[-1], 1e-9)
    assert len(EIGHT) == 8


def test_the_docs_have_all_rows_of_the_table():
    page = (ROOT / "docs/gradcheck.md").read_text("utf-8")
    head, _, *lines = tool.table(0)
    assert head in page
    for line in lines:
        assert f"\n{line.split(' | ')[0]} | " in page

"""Any geometry is explained, and what is no geometry or too large is refused."""

from __future__ import annotations

import re

import pytest
from explained import CASES, each_layer, make

from cnnrun.errors import ConfigError, ShapeError
from cnnrun.explain import explain
from cnnrun.explain.windows import window_positions


def test_one_element_of_a_large_geometry():
    with pytest.raises(ConfigError, match=r"the bound is 300 equations.*--element 2,3"):
        explain("conv2d", input=(224, 224, 3), filter=7, filters=64)
    one = explain("conv2d", input=28, filter=5, filters=20, element=(2, 3), numbers=True)
    assert [e.left for s in one.sections for e in s.equations] == [
        "O_2,3,1", "dL/dF_23,1,1", "dL/dX_2,3",
    ]  # fmt: skip
    assert len(one.section("filter_gradient").equations[0].terms) == 24 * 24
    assert one.verified.startswith("all 3 lines")
    outside = explain("conv2d", input=12, element=(12, 12))
    assert [len(section.equations) for section in outside.sections] == [0, 0, 1]
    assert "no such entry" in str(outside)
    for kind in ("max_pool2d", "avg_pool2d"):
        one = explain(
            kind, input=(100, 100, 3), pool_size=3, stride=2, element=(5, 5, 2), numbers=True
        )
        assert [e.left for s in one.sections for e in s.equations] == ["O_5,5,2", "dL/dX_5,5,2"]
        assert len(one.section("input_gradient").equations[0].terms) == 4
    one = explain("dense", input=800, units=500, element=(3, 4), numbers=True)
    assert one.verified.startswith("all 4 lines")


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="does not fit an input of 3x3"):
        explain("conv2d", filter=4)
    with pytest.raises(ShapeError, match="groups"):
        explain("conv2d", input=(3, 3, 3), groups=2)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("conv3d", {}, "no explanation is called 'conv3d'; did you mean conv2d?"),
        ("dense", {"stride": 2}, "stride is no option of dense; known: element, input, units"),
        ("max_pool2d", {"count_padding": True}, "count_padding is no option of max_pool2d"),
        ("conv2d", {"input": (3, 0)}, "input (3, 0) is no size from 1 up, such as (3, 3)"),
        ("conv2d", {"input": "3x3"}, "input '3x3' is no size"),
        ("conv2d", {"filter": 2.5}, "filter 2.5 is no size from 1 up, such as 2, or (2, 3)"),
        ("conv2d", {"stride": (1, 2, 3)}, "stride (1, 2, 3) is no size"),
        ("conv2d", {"filters": True}, "filters True is no size"),
        ("conv2d", {"groups": 0}, "groups 0 is no size"),
        ("conv2d", {"padding": -1}, "padding -1 is no size from 0 up, such as 'valid'"),
        ("conv2d", {"element": (0, 1)}, "element (0, 1) is no size from 1 up"),
        ("avg_pool2d", {"pool_size": 0}, "pool_size 0 is no size"),
        ("dense", {"input": (3, 3)}, "input (3, 3) is no size"),
        ("backprop", {}, "give network and loss"),
        ("backprop", {"values": {}}, "values is no option of backprop"),
    ],
    ids=str,
)
def test_wrong_options(kind, options, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        explain(kind, **options)


def test_the_bound_on_terms():
    explain("conv2d", input=10, filter=5)  # 3 x 36 x 25 = 2,700 terms
    with pytest.raises(ConfigError, match=r"233 equations with 4,800 terms"):
        explain("conv2d", input=12, filter=5)


@each_layer
def test_the_window_is_shown_where_the_output_is_computed(name):
    explanation = make(name)
    equations = {e.left: e for e in explanation.section("output").equations}
    for position in window_positions(explanation):
        seen = {cell for row in position.rows for cell, is_seen in row if is_seen and cell}
        equation = equations.get(position.output) or equations[f"{position.output},1"]
        inputs = {symbol for term in equation.terms for symbol in term if symbol[0] == "X"}
        named = any(size > 9 for size in explanation.layer.input_shape[:2])
        places = {symbol if named else symbol.split(",")[0] for symbol in inputs}
        assert seen == places


@pytest.mark.parametrize(
    ("name", "overlap", "between", "padding"),
    [
        ("max", False, False, ""),
        ("overlapping max", True, False, ""),
        ("padded max", True, False, "Padding never wins."),
        ("gaps", False, True, ""),
        ("edge average", True, False, "Padding gets no error."),
    ],
)
def test_what_is_noted_of_pooling(name, overlap, between, padding):
    notes = make(name).notes
    assert any("Windows overlap" in note for note in notes) == overlap
    assert any("Cells between the windows" in note for note in notes) == between
    assert [note for note in notes if note.startswith("Padding")] == [padding] * bool(padding)


def test_what_the_error_of_an_average_is_multiplied_with():
    intro = {name: make(name).section("input_gradient").intro for name in CASES}
    assert "by 1/(N*N), here 1/4," in intro["average"]
    assert "by 1/n, n being the cells of the window inside the image" in intro["edge average"]

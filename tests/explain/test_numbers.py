"""The numbers beside the symbols are right, and a wrong line or engine is noticed."""

from __future__ import annotations

import re

import numpy as np
import pytest
from explained import each_case, each_layer, make

from cnnrun.errors import ConfigError, GradientError
from cnnrun.explain import explain
from cnnrun.explain.numbers import add_numbers
from cnnrun.explain.subjects import LayerSubject, subject_of


@each_case
def test_numbers_are_not_zero_and_no_line_repeats_itself(name):
    numbered = make(name, numbers=True)
    for array, values in subject_of(numbered).draw(0).items():
        assert np.all(values) or array == "t"
    for form in ("text", "latex", "markdown", "html"):
        plain = re.sub(r"<[^>]*>|&", "", numbered.render(form))
        assert not re.search(r"= *0 *= *0\b", plain)
        assert not re.search(r"= *(\S+) = \1$", plain, re.M)


@each_layer
@pytest.mark.parametrize("seed", [0, 1])
def test_every_line_agrees_with_engine_and_finite_difference(name, seed):
    numbered = make(name, numbers=True, seed=seed)
    layer = numbered.layer
    count = sum(len(section.equations) for section in numbered.sections)
    assert numbered.verified.startswith(f"all {count} lines agree")
    arrays = {"O": layer.output_shape, "X": layer.input_shape, **LayerSubject(layer).shapes}
    for section in numbered.sections:
        assert len(section.equations) == np.prod(arrays[section.array])


@each_case
def test_a_wrong_engine_is_noticed(name):
    explanation = make(name)
    layer = explanation.layer
    if layer is None:  # a loss, whose own test is elsewhere
        return

    def backward(self, dy, ctx):
        return 1.001 * np.array(type(self).__mro__[1].backward(self, dy, ctx))

    wrong = type("Wrong", (type(layer),), {"backward": backward})
    layer.__class__ = wrong
    wrong.type_name = wrong.__mro__[1].type_name
    with pytest.raises(GradientError, match="by its line, but"):
        add_numbers(explanation)


def test_ties_go_to_the_first():
    numbered = make("max", values={"X": np.zeros((4, 4)), "dL/dO": [[1, 2], [3, 4]]})
    value = {e.left: e.value for e in numbered.section("input_gradient").equations}
    assert (value["dL/dX_11"], value["dL/dX_12"], value["dL/dX_33"]) == (1, 0, 4)
    assert "16 of them, at ties, with the engine alone" in numbered.verified


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"X": [[1, 2], [3, 4]]}, "X has the shape 2x2, expected 3x3x1"),
        ({"X": "abc"}, "X is not an array of numbers"),
        ({"X": np.full((3, 3), np.nan)}, "X has a value that is not finite"),
        ({"G": [1]}, "G is none of the arrays here: X, F, dL/dO"),
        ({"F": None}, "F is missing; it has the shape 2x2x1x1"),
    ],
)
def test_wrong_values(change, words):
    values = {"X": np.ones((3, 3)), "F": [[1, 2], [3, 4]], "dO": np.ones((2, 2)), **change}
    values = {name: value for name, value in values.items() if value is not None}
    with pytest.raises(ConfigError, match=re.escape(words)):
        make("lecture", values=values)


def test_given_numbers_leave_the_explanation_and_the_arrays_alone():
    values = {"X": np.ones((3, 3)), "F": np.eye(2), "dO": np.ones((2, 2))}
    explanation = make("lecture")
    before = explanation.layer.params["w"].copy()
    add_numbers(explanation, values)
    np.testing.assert_array_equal(explanation.layer.params["w"], before)
    assert values.keys() == {"X", "F", "dO"}
    np.testing.assert_array_equal(values["X"], 1)


@pytest.mark.parametrize(
    ("form", "product"),
    [
        ("text", "(-2) * (-0.5)"),
        ("latex", r"(-2) \cdot (-0.5)"),
        ("markdown", r"(-2) \cdot (-0.5)"),
        ("html", "(\N{MINUS SIGN}2) · (\N{MINUS SIGN}0.5)"),
    ],
)
def test_negative_factors_stand_in_parentheses(form, product):
    values = {"X": [[-2]], "F": [[-0.5]], "dO": [[1]]}
    explanation = explain("conv2d", input=1, filter=1, values=values)
    assert product in explanation.render(form)


@pytest.mark.parametrize("form", ["text", "latex", "markdown", "html"])
def test_numbers_of_a_maximum_need_no_parentheses(form):
    values = {"X": [[-1, -2], [-3, -4]], "dO": [[1]]}
    page = explain("max_pool2d", input=2, values=values).render(form)
    plain = re.sub(r"<[^>]*>", "", page).replace("\N{MINUS SIGN}", "-")
    assert "max(-1, -2, -3, -4)" in plain

"""The explanation of the lecture's own example is the lecture, term by term."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from explained import make

from cnnrun.explain import explain
from cnnrun.explain.windows import window_positions

LECTURE = Path(__file__).parents[3] / "shared/reference/lecture_cnn_backprop.md"


def lecture_lines():
    """Return the lecture's right-hand sides by left-hand side, as terms of symbols."""
    if not LECTURE.exists():
        pytest.skip("the lecture's text is not here")
    text = LECTURE.read_text("utf-8").replace(r"\theta", "O").replace(r"\mathbf{O}", "O")
    text = re.sub(r"\\frac\{\\partial L\}\{\\partial (\w)_\{(\d+)\}\}", r"dL/d\1_\2", text)
    text = re.sub(r"(?<!d)([XFO])_\{(\d+)\}", r"\1_\2", text)
    found = {}
    for left, right in re.findall(r"\$\$(\S+) = ([^$=]+)\$\$", text):
        if re.fullmatch(r"O_\d\d|dL/d[FX]_\d\d", left) and "partial" not in right:
            terms = [re.findall(r"(?:dL/d)?[XFO]_\d\d", term) for term in right.split("+")]
            found[left] = [tuple(term) for term in terms]
    return found


def test_the_lecture_term_by_term():
    explanation = make("lecture")
    lines = lecture_lines()
    generated = {e.left: list(e.terms) for s in explanation.sections for e in s.equations}
    assert len(lines) == len(generated) == 4 + 4 + 9
    for left, terms in lines.items():
        if left == "dL/dX_11":  # given twice, the second time with its factors swapped
            terms = [tuple(sorted(term)[::-1]) for term in terms]
            assert generated[left] == terms
            continue
        assert generated[left] == terms, left
    order = [equation.left for equation in explanation.section("input_gradient").equations]
    assert order == [f"dL/dX_{i}{j}" for i in (1, 2, 3) for j in (1, 2, 3)]


def test_gradients_begin_with_the_chain_rule_of_the_lecture():
    explanation = make("lecture")
    first = explanation.section("filter_gradient").equations[0]
    assert first.chain == tuple(
        (f"dL/dO_{place}", f"dO_{place}/dF_11") for place in ("11", "12", "21", "22")
    )
    for section in explanation.sections[1:]:
        for equation in section.equations:
            assert [pair[0] for pair in equation.chain] == [term[0] for term in equation.terms]
    lines = str(explanation).splitlines()
    place = lines.index("dL/dX_12 = dL/dO_11 * dO_11/dX_12 + dL/dO_12 * dO_12/dX_12")
    assert lines[place + 1] == "         = dL/dO_11 * F_12 + dL/dO_12 * F_11"
    latex = r"\frac{\partial L}{\partial O_{11}} \cdot \frac{\partial O_{11}}{\partial F_{11}}"
    assert latex in explanation.render("latex")
    large = explain("conv2d", input=28, filter=5, element=(2, 3))
    assert large.section("filter_gradient").equations[0].chain == ()


def test_both_takeaways():
    explanation = make("lecture")
    of_filter, of_input = explanation.takeaways
    assert of_filter.operation == "Convolution"
    assert of_input.operation == "Full Convolution"
    assert of_input.arguments[0].rows == (("F_22", "F_21"), ("F_12", "F_11"))
    assert of_input.arguments[1].rows == (("dL/dO_11", "dL/dO_12"), ("dL/dO_21", "dL/dO_22"))
    assert of_filter.arguments[0].rows[0] == ("X_11", "X_12", "X_13")


def test_the_first_windows_of_the_lecture():
    first, second, *others = window_positions(make("lecture"))
    assert (first.output, second.output, len(others)) == ("O_11", "O_12", 2)
    assert first.rows[0] == (("X_11", True), ("X_12", True), ("X_13", False))
    assert second.rows[2] == (("X_31", False), ("X_32", False), ("X_33", False))
    assert window_positions(make("dense")) == []
    assert window_positions(explain("conv2d", input=28, element=(1, 1))) == []
    assert make("lecture").render("html").count('<table class="window"') == 4
    corner = window_positions(make("padding"))[0].rows
    assert (corner[0][0], corner[1][1]) == (("", True), ("X_11", True))

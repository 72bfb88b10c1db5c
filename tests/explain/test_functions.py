"""Activations, softmax with its loss, and batch normalisation: derived line by line, and right."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from explained import FUNCTIONS, each_function, make

from cnnrun.engine.losses import SoftmaxCrossEntropy
from cnnrun.errors import ConfigError, GradientError
from cnnrun.explain import explain
from cnnrun.explain.evaluation import evaluate
from cnnrun.explain.numbers import add_numbers
from cnnrun.explain.parsing import parse


def values_of(explanation):
    return {e.left: e.value for section in explanation.sections for e in section.equations}


@each_function
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_line_holds(name, seed):
    numbered = make(name, numbers=True, seed=seed)
    count = sum(len(section.equations) for section in numbered.sections)
    assert re.match(rf"all {count} lines (hold: \d+ )?agree with the engine", numbered.verified)


def test_gradients_by_hand():
    errors = {"dO": [1, -2]}
    relu = values_of(explain("relu", input=2, values={"X": [-1, 3], **errors}))
    assert (relu["O_1"], relu["dL/dX_1"], relu["dO_2/dX_2"], relu["dL/dX_2"]) == (0, 0, 1, -2)
    sigmoid = values_of(explain("sigmoid", input=2, values={"X": [0, math.log(3)], **errors}))
    assert (sigmoid["O_1"], sigmoid["dO_1/dX_1"], sigmoid["dL/dX_1"]) == (0.5, 0.25, 0.25)
    assert sigmoid["dL/dX_2"] == pytest.approx(-2 * 0.75 * 0.25)
    softmax = values_of(explain("softmax", input=2, values={"X": [0, math.log(3)], **errors}))
    assert softmax["dO_1/dX_2"] == pytest.approx(-0.25 * 0.75)
    assert softmax["dL/dX_1"] == pytest.approx(0.1875 * 3)
    loss = values_of(
        explain("softmax_cross_entropy", classes=2, values={"z": [0, math.log(3)], "t": [1, 0]})
    )
    assert loss["L"] == pytest.approx(math.log(4))
    assert (loss["dL/dz_1"], loss["dL/dz_2"]) == pytest.approx((-0.75, 0.75))
    # of two samples, h is -1 and 1 whatever they are, so that no error comes through
    numbers = {"X": [3, 5], "gamma": 2, "beta": 1, **errors}
    norm = values_of(explain("batch_norm", samples=2, values=numbers))
    assert (norm["mu"], norm["V"], norm["dL/dbeta"]) == (4, 1, -1)
    assert norm["dL/dgamma"] == pytest.approx(-3, rel=1e-5)
    assert norm["dL/dX_1"] == pytest.approx(0, abs=1e-4)


@each_function
def test_the_matrix_form_is_the_gradient(name):
    numbered = make(name, numbers=True)
    values = values_of(numbered) | {"epsilon": 1e-5}
    shapes = {line.partition(" = ")[0]: line.partition(" = ")[2] for line in numbered.legend}
    for array in ("X", "z", "t", "dL/dO", "gamma", "beta"):
        given = json.loads(shapes.get(array, "[]"))
        numbers = given if isinstance(given, list) else [given]
        values |= {f"{array}_{i + 1}": value for i, value in enumerate(numbers)}
        values[array] = numbers[0] if numbers else 0
    if name in ("large batch", "wide softmax"):
        assert numbered.takeaways == []  # too wide for a line
        return

    def computed(matrix):
        return np.array([[evaluate(parse(c), values.__getitem__) for c in r] for r in matrix.rows])

    (takeaway,) = numbered.takeaways
    row, jacobian = map(computed, takeaway.arguments)
    np.testing.assert_allclose(row @ jacobian, computed(takeaway.result), atol=1e-9)


def test_the_loss_ends_with_p_minus_t():
    first = make("softmax cross entropy").section("input_gradient").equations[0]
    assert first.terms == (("p_1",), ("-t_1",))
    assert first.chain[1] == ("dL/dp_2", "dp_2/dz_1")
    lines = str(make("softmax cross entropy")).splitlines()
    place = lines.index("        = (t_1 + t_2 + t_3) * p_1 - t_1")
    assert lines[place - 1 : place + 2 : 2] == [
        "        = -t_1 * (1 - p_1) + t_2 p_1 + t_3 p_1",
        "        = p_1 - t_1",
    ]


def test_batch_normalisation_ends_with_three_terms():
    explanation = make("batch norm")
    first = explanation.section("input_gradient").equations[0]
    assert first.terms == (
        ("gamma/s", "dL/dO_1"), ("-gamma/s", "A"), ("-gamma/s", "h_1", "B"),
    )  # fmt: skip
    assert first.chain == (
        ("dL/dh_1", "dh_1/dX_1"), ("dL/dV", "dV/dX_1"), ("dL/dmu", "dmu/dX_1"),
    )  # fmt: skip
    page = explanation.render("html")
    assert '<i class="of-gamma">\N{GREEK SMALL LETTER GAMMA}</i>' in page
    assert "√<span" in page


@pytest.mark.parametrize("kind", ["sigmoid", "softmax", "softmax_cross_entropy", "batch_norm"])
def test_a_wrong_line_is_noticed(kind):
    explanation = explain(kind)
    for section in explanation.sections:
        for place, equation in enumerate(section.equations):
            section.equations[place] = replace(
                equation, terms=(*equation.terms, ("1/4",)), steps=()
            )
            with pytest.raises(GradientError, match="by its line, but"):
                add_numbers(explanation)
            section.equations[place] = equation


@pytest.mark.parametrize("kind", ["sigmoid", "softmax", "softmax_cross_entropy", "batch_norm"])
def test_a_wrong_step_is_noticed(kind):
    explanation = explain(kind)
    seen = 0
    for section in explanation.sections:
        for place, equation in enumerate(section.equations):
            for step in range(len(equation.steps)):
                steps = list(equation.steps)
                steps[step] = (*steps[step], ("1/4",))
                section.equations[place] = replace(equation, steps=tuple(steps))
                with pytest.raises(GradientError, match="by the line before"):
                    add_numbers(explanation)
                seen += 1
            section.equations[place] = equation
    assert seen


def test_a_wrong_loss_is_noticed():
    class Wrong(SoftmaxCrossEntropy):
        def __call__(self, *arguments):
            value, dy = super().__call__(*arguments)
            return value, 1.001 * dy

    explanation = explain("softmax_cross_entropy")
    explanation.loss = Wrong()
    with pytest.raises(GradientError, match=r"dL/dz_1 is .* by its line, but .* by the engine"):
        add_numbers(explanation)


def test_a_relu_at_0_has_the_slope_0():
    numbered = explain("relu", input=2, values={"X": [0, 1], "dO": [1, 1]})
    assert values_of(numbered)["dL/dX_1"] == 0
    assert "2 of them, at ties, with the engine alone" in numbered.verified


def test_extreme_numbers_that_can_be_shown_are_verified():
    explain("softmax", input=2, values={"X": [20, -20], "dO": [1, 1]})
    explain("softmax_cross_entropy", classes=2, values={"z": [-20, 20], "t": [1, 0]})
    explain("sigmoid", input=1, values={"X": [-20], "dO": [1]})
    same = {"X": [5, 5, 5], "gamma": 1, "beta": 0, "dO": [1, 2, 4]}
    assert values_of(explain("batch_norm", samples=3, values=same))["V"] == 0
    far = {**same, "X": [1e6, 1e6 + 1, 1e6 + 3]}
    assert explain("batch_norm", samples=3, values=far).verified


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("relu", {"input": 10}, "input 10 is more than the 9 that are spelled out"),
        ("sigmoid", {"input": (2, 2)}, "input (2, 2) is no size from 1 up"),
        ("softmax", {"stride": 2}, "stride is no option of softmax; known: input, values"),
        ("softmax_cross_entropy", {"classes": 1}, "classes 1 is no size from 2 up"),
        ("batch_norm", {"samples": 1}, "samples 1 is no size from 2 up"),
        ("batch_norm", {"values": {"X": [1, 2, 3, 4], "gamma": [1, 2]}}, "expected one number"),
        ("softmax", {"values": {"X": [1, 2, 900], "dO": [1, 1, 1]}}, "X has a number of size 900"),
        (
            "softmax_cross_entropy",
            {"values": {"z": [1, 2, 3], "t": [1, 1, 0]}},
            "t adds up to 2; it has a probability for each class, such as [0, 1, 0]",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_explained_is_refused(kind, options, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        explain(kind, **options)


def test_json_has_the_steps():
    document = json.loads(make("softmax cross entropy", numbers=True).render("json"))
    entry = document["input_gradient"]["dL/dz_1"]
    assert entry["steps"][-1] == [["(t_1 + t_2 + t_3)", "p_1"], ["-t_1"]]
    assert entry["terms"] == [["p_1"], ["-t_1"]]
    assert document["loss"]["L"]["value"] > 0
    assert {kind for kind, _ in FUNCTIONS.values()} == {
        "relu", "sigmoid", "softmax", "softmax_cross_entropy", "batch_norm",
    }  # fmt: skip

"""The one notation of formulas: read, computed and typeset."""

from __future__ import annotations

import math

import pytest
from explained import each_case, make

from cnnrun.engine.layer import LAYERS
from cnnrun.engine.losses import LOSSES
from cnnrun.explain.differences import one_sided_slopes, smooth_slope
from cnnrun.explain.evaluation import evaluate
from cnnrun.explain.formulas import FORMULAS, LOSS_RULES
from cnnrun.explain.markup import Symbol, to_latex_symbol
from cnnrun.explain.parsing import parse
from cnnrun.explain.sentences import split_sentence

VALUES = {"X_1": 2.0, "O_1": 0.25, "dL/dO_1": 3.0, "s": 4.0}


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("X_1", 2),
        ("-X_1", -2),
        ("1/4 X_1", 0.5),
        ("O_1 (1 - O_1)", 0.1875),
        ("dL/dO_1 * O_1", 0.75),
        ("X_1/(2 s^2)", 2 / 32),
        ("1 - X_1 - s", -5),
        ("exp(X_1)/(1 + exp(X_1))^2", math.exp(2) / (1 + math.exp(2)) ** 2),
        ("sqrt(s) log(X_1)", 2 * math.log(2)),
        ("[X_1 > 0]", 1),
        ("[X_1 = s]", 0),
        ("1.5e-02", 0.015),
    ],
)
def test_formulas_between_numbers_are_computed(formula, value):
    assert evaluate(parse(formula), VALUES.__getitem__) == pytest.approx(value)


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        ("X_11,2", "X_{11,2}"),
        ("dO_1/dX_2", r"\frac{\partial O_{1}}{\partial X_{2}}"),
        ("1/4", r"\tfrac{1}{4}"),
        ("(X_1 - mu)/s", r"\frac{X_{1} - \mu}{s}"),
        ("sqrt(V + epsilon)", r"\sqrt{V + \varepsilon}"),
        ("sum over n and k of t_k log(p_k)", r"\sum_{n, k} t_{k} \, \log\left(p_{k}\right)"),
        ("dL/dW^(l)", r"\frac{\partial L}{\partial {W}^{\left(l\right)}}"),
        ("|X| = 3e-05", r"\left|X\right| = 3 \cdot 10^{-5}"),
        ("Convolution(X, F) + b", r"\text{Convolution}\left(X, F\right) + b"),
        ("[X <= 0]", r"[X \le 0]"),
    ],
)
def test_formulas_are_typeset(formula, latex):
    assert to_latex_symbol(formula) == latex


@pytest.mark.parametrize("formula", ["", "X +", "(X", "[X]", "X ? 2", "exp(X", "X)", "|X"])
def test_what_is_no_formula_is_refused(formula):
    with pytest.raises(ValueError, match=r"cannot be read|lacks|without a relation"):
        parse(formula)


def test_a_formula_about_arrays_has_no_value():
    with pytest.raises(ValueError, match="has no value"):
        evaluate(parse("Convolution(X_1, s)"), VALUES.__getitem__)


@each_case
def test_all_formulas_of_an_explanation_can_be_read(name):
    explanation = make(name, numbers=True)
    for section in explanation.sections:
        for formula in section.formulas:
            parse(formula)
        for equation in section.equations:
            for terms in (equation.terms, equation.chain, *equation.steps):
                for factor in (factor for term in terms for factor in term):
                    parse(factor)


def test_every_layer_and_loss_has_formulas_that_can_be_read():
    for registry, rules in ((LAYERS, FORMULAS), (LOSSES, LOSS_RULES)):
        modules = {name: registry.get(name).__module__ for name in registry.names()}
        assert rules.keys() == {n for n, m in modules.items() if m.startswith("cnnrun.engine")}
    for formulas in FORMULAS.values():
        for rule in (formulas.forward, formulas.backward, *formulas.parameters.values()):
            assert rule.formula or rule.words
            if rule.formula:
                parse(rule.formula)
    for rule in (rule for rules in LOSS_RULES.values() for rule in rules):
        parse(rule.formula)


def test_symbols_in_a_sentence():
    pieces = split_sentence("the layer's h_n, X and a bias b_f; [i = j] is 1 - 0")
    assert [p.letter for p in pieces if isinstance(p, Symbol)] == ["h", "X", "b", "i", "j"]
    assert pieces[0] == "the layer's "
    assert pieces[-1] == "] is 1 \N{MINUS SIGN} 0"[1:]


def test_slopes():
    assert smooth_slope(math.exp, 1.0) == pytest.approx(math.e, rel=1e-9)
    assert smooth_slope(math.log, 1e-9) == pytest.approx(1e9, rel=1e-7)
    assert smooth_slope(lambda x: math.tanh(1e4 * x), 1e-5) == pytest.approx(
        1e4 / math.cosh(0.1) ** 2, rel=1e-7
    )
    assert one_sided_slopes(abs, 0.0) == pytest.approx((-1, 1))

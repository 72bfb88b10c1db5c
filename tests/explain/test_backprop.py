"""The four steps for a whole network."""

from __future__ import annotations

import re

import numpy as np
import pytest
from explained import network_with_loss
from layer_cases import CASES

from cnnrun.engine import Build, Layer, Network
from cnnrun.engine.layer import LAYERS
from cnnrun.engine.layers import Dense
from cnnrun.engine.losses import (
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
)
from cnnrun.explain import FORMATS, explain
from cnnrun.explain.formulas import loss_rules


def test_a_network_forward_and_backward():
    explanation = explain("backprop", **network_with_loss(), title="a tiny one", numbers=True)
    assert str(explanation).startswith("Backpropagation through a tiny one\n=====")
    assert "agree with finite differences" in explanation.verified
    steps = [[s.name.split(",")[0] for s in part.statements] for part in explanation.sections]
    forward, loss, backward, gradients = steps
    assert forward == ["00_conv2d", "01_relu", "02_flatten", "03_dense"]
    assert loss == ["the loss", "its gradient"]
    assert backward == forward[::-1]
    assert gradients == ["00_conv2d/w", "00_conv2d/b", "03_dense/w", "03_dense/b"]
    first = explanation.section("backward").statements[0]
    assert first.name.endswith("3 to 18")
    assert first.remark.startswith("|dL/dO| = ")


@pytest.mark.parametrize(
    ("doc", "words"),
    [
        (None, "by its own code"),
        (" \n ", "by its own code"),
        ("Mine.\n\nMore of it.", "Mine"),
    ],
)
def test_a_part_of_a_plug_in_is_said_in_its_own_words(doc, words):
    mine = type("Mine", (MeanSquaredError,), {"__doc__": doc, "type_name": "mine"})
    assert loss_rules(mine())[0].words == words


def test_formulas_of_a_loss_follow_its_reduction():
    by_sample, by_value = loss_rules(MeanSquaredError()), loss_rules(MeanSquaredError("mean"))
    assert by_sample[1].formula == "delta = dL/da = -(t - a)/N"
    assert by_value[1].formula == "delta = dL/da = -2 (t - a)/(K N)"
    for loss in (MeanAbsoluteError, Huber):
        mean, total = loss_rules(loss()), loss_rules(loss(reduction="sum"))
        assert mean[1].formula.endswith("/(K N)")
        assert total[1].formula == mean[1].formula.replace("(K N)", "N")


def test_the_formulas_are_typeset_as_in_the_other_explanations():
    explanation = explain("backprop", **network_with_loss(), numbers=True)
    page = explanation.render("html")
    assert "<code>" not in page
    shown = re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.S)
    assert "dL/d" not in shown
    assert '<i class="of-W">W</i><sup><i class="of-T">T</i></sup>' in page
    assert '<span class="unseen">/</span>' in page
    latex = explanation.render("latex")
    assert r"{\delta}^{\left(l\right)} = " in latex
    assert r"O = \text{Convolution}\left(X, F\right) + b" in latex
    assert "$O = \\max\\left(X, 0\\right)$" in explanation.render("markdown")


class Scaled(Layer):
    """Each number times its own <factor>, $x_1$. And more."""

    def build(self, build):
        self.params["my_1_factor-s"] = np.ones(self.input_shape, self.dtype)
        return self.input_shape

    def forward(self, x, ctx):
        ctx.saved["x"] = x
        return x * self.params["my_1_factor-s"]

    def backward(self, dy, ctx):
        own = self.params["my_1_factor-s"]
        ctx.gradient("my_1_factor-s", own)[...] = (dy * ctx.saved["x"]).sum(axis=0)
        return dy * own


def test_a_layer_of_ones_own_is_described_in_its_own_words():
    LAYERS.register("scaled_for_test")(Scaled)
    try:
        network = Network([Scaled.Config(), Dense.Config(2)], (3,))
        explanation = explain("backprop", network=network, loss=SoftmaxCrossEntropy(), numbers=True)
    finally:
        LAYERS._classes.pop("scaled_for_test", None)
    first = explanation.section("feedforward").statements[0]
    assert first.formula == ""
    assert first.words == "Each number times its own <factor>, $x_1$. And more"
    for form in FORMATS:
        assert "factor" in explanation.render(form)
    assert "own &lt;factor&gt;, $" in explanation.render("html")
    assert "|gradient| = " in explanation.section("gradients").statements[0].remark


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_layer_is_explained(case):
    network = Network([case.config], case.input_shape, Build(classes=4))
    explanation = explain("backprop", network=network, loss=MeanSquaredError())
    for form in FORMATS:
        assert explanation.render(form)

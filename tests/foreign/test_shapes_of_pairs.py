"""What a pair of functions takes is told from its parameters and what forward returns."""

from __future__ import annotations

import numpy as np
import pytest

import cnnrun
from cnnrun.errors import ConfigError

X, W = {"x": (4, 3), "w": (3, 2)}, {"x": "4x3"}


def with_cache():
    return (lambda x, w: (x @ w, (x, w))), (
        lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout)
    )


def with_inputs():
    return (lambda x, w: x @ w), (lambda dout, x, w: (dout @ w.T, x.T @ dout))


def as_dict():
    forward, backward = with_cache()
    return forward, lambda dout, cache: dict(
        zip(("dW", "dx"), backward(dout, cache)[::-1], strict=True)
    )


def with_constant():
    def backward(dout, cache, factor):
        x, w = cache
        return factor * dout @ w.T, factor * x.T @ dout

    return (lambda x, w, factor: (factor * x @ w, (x, w))), backward


def keyword_only():
    def backward(dout, cache, *, factor):
        return with_constant()[1](dout, cache, factor)

    return (lambda x, w, *, factor: (factor * x @ w, (x, w))), backward


def unpacked():
    return (lambda x, w: (x @ w, (x, w))), (lambda dout, *c: (dout @ c[1].T, c[0].T @ dout))


def other_names():
    return (lambda a, b: a @ b), (lambda g, a, b: (g @ b.T, a.T @ g))


@pytest.mark.parametrize(
    ("pair", "inputs", "constants"),
    [
        (with_cache, X, {}),
        (with_inputs, X, {}),
        (as_dict, X, {}),
        (with_constant, X, {"factor": 3.0}),
        (keyword_only, X, {"factor": 3.0}),
        (unpacked, X, {}),
        (other_names, {"a": (4, 3), "b": (3, 2)}, {}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_right_pair_passes(pair, inputs, constants):
    report = cnnrun.gradcheck(*pair(), inputs=inputs, constants=constants)
    assert report.passed, report
    assert [row.tensor for row in report.rows] == list(inputs)


def test_backward_may_ask_for_the_output():
    def right(dout, y):
        return dout * (1 - y**2)

    def slope_of_x(dout, x):
        return dout * (1 - x**2)

    assert cnnrun.gradcheck(np.tanh, right, inputs=W).passed
    assert not cnnrun.gradcheck(lambda x: np.tanh(x), slope_of_x, inputs=W).passed


def test_several_outputs_have_an_upstream_gradient_each():
    def forward(x):
        return np.sin(x), x**2

    def kept(x):
        return *forward(x), x

    def backward(dsin, dsquare, x):
        return dsin * np.cos(x) + 2 * x * dsquare

    assert cnnrun.gradcheck(forward, backward, inputs=W).passed
    assert cnnrun.gradcheck(kept, backward, inputs=W).passed
    report = cnnrun.gradcheck(forward, lambda a, b, x: a * np.cos(x) + x * b, inputs=W)
    assert report.guilty.tensor == "x"


def test_one_function_returns_a_value_and_its_gradient():
    def loss(scores, labels):
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        n = len(labels)
        value = -np.log(p[np.arange(n), labels]).mean()
        p[np.arange(n), labels] -= 1
        return value, p / n

    inputs = {"scores": "5x3", "labels": "5:0..2"}
    assert cnnrun.gradcheck(loss, inputs=inputs).passed
    report = cnnrun.gradcheck(lambda s, y: (loss(s, y)[0], 5 * loss(s, y)[1]), inputs=inputs)
    assert "constant ratio 5" in report.diagnosis


def test_an_input_without_a_gradient_is_left_out():
    def backward(dout, cache):
        return dout @ cache[1].T

    report = cnnrun.gradcheck(with_cache()[0], backward, inputs=X, no_gradient=["w"])
    assert report.passed
    assert [row.tensor for row in report.rows] == ["x"]


def test_a_running_mean_in_a_constant_is_handed_in_afresh():
    def forward(x, state):
        state["mean"] = state.get("mean", 0) + x.mean()
        return x * state["mean"], (x, state["mean"])

    def backward(dout, cache):
        x, mean = cache
        return dout * mean + (dout * x).sum() / x.size

    state: dict[str, float] = {}
    assert cnnrun.gradcheck(forward, backward, inputs=W, constants={"state": state}).passed
    assert state == {}


@pytest.mark.parametrize(
    ("inputs", "constants", "words"),
    [
        ({"x": (4, 3)}, {}, r"also needs w: give --input w=SIZES"),
        ({"x": (4, 3), "v": (3, 2)}, {}, r"has no parameter v; did you mean w\?|no parameter v"),
        ({"x": (4, 0), "w": (3, 2)}, {}, "sizes are at least 1"),
        ({"x": "4x", "w": "3by2"}, {}, "input w=3by2: expected sizes such as"),
        ({"x": "4x3:plus", "w": "3x2"}, {}, "'plus' is no kind"),
        ({"x": "9..0", "w": "3x2"}, {}, "input x=9..0: expected sizes"),
        ({"x": "3:9..0", "w": "3x2"}, {}, "9 is above 0"),
        ({"x": "no.npy", "w": "3x2"}, {}, "there is no file no.npy"),
        ({"x": "4:0..2", "w": "3:0..2"}, {}, "none of the inputs x, w has a gradient"),
        ({"x": (4, 3), "w": (3, 2)}, {"w": 3}, "w is given as an input and as a constant"),
        ({}, {}, "a function needs inputs"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_words(inputs, constants, words):
    def forward(x, w):
        return x @ w

    with pytest.raises(ConfigError, match=words):
        cnnrun.gradcheck(forward, lambda dout, x, w: dout, inputs=inputs, constants=constants)


def test_given_numbers_are_checked_at_besides_random_ones(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.ones((2, 3)), other=np.ones(2))
    forward, backward = with_inputs()
    given = f"{tmp_path / 'a.npz'}:x"
    report = cnnrun.gradcheck(forward, backward, inputs={"x": given, "w": (3, 2)})
    assert report.passed
    assert {label for row in report.rows for label, _ in row.points} >= {"given numbers"}
    with pytest.raises(ConfigError, match="has x, other; name one"):
        cnnrun.gradcheck(forward, backward, inputs={"x": str(tmp_path / "a.npz"), "w": (3, 2)})


def test_a_function_that_is_defined_for_positive_inputs_alone_is_checked_there():
    def root_backward(dout, x):
        return dout / (2 * np.sqrt(x))

    assert cnnrun.gradcheck(
        lambda x: np.sqrt(x), root_backward, inputs={"x": "4x5:positive"}
    ).passed
    report = cnnrun.gradcheck(lambda x: np.sqrt(x), root_backward, inputs={"x": "4x5"})
    assert "NAME=SIZES:positive" in report.findings[0].message

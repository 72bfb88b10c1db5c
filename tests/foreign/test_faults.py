"""Functions that crash, write to their inputs, are random or return nonsense are answered."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest

import cnnrun
from cnnrun.errors import GradientError

MEMORY: dict[str, object] = {}


def forward(x, w):
    return x @ w, (x, w)


def backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout


def prints(x, w):
    print("shape", x.shape)
    return forward(x, w)


def writes(x, w):
    x *= 2
    return forward(x, w)


def draws(x, w):
    return forward(x, w + np.random.default_rng().standard_normal(w.shape))


def single(x, w):
    return forward(x.astype(np.float32), w.astype(np.float32))


def nothing(x, w):
    x @ w


def listed(x, w):
    return [x @ w, (x, w)]


def infinite(x, w):
    return (x @ w) / 0, (x, w)


def crashes(x, w):
    return forward(x, w.T)


def leaves(x, w):
    sys.exit(0)


def remembers(x, w):
    MEMORY["x"] = x
    return x @ w, (None, w)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (writes, "forward writes into its input x: work on a copy, as in x.copy"),
        (draws, "two forward passes on the same inputs differ"),
        (single, "returns float32 though its inputs are float64"),
        (nothing, "nothing returns nothing: is its return statement missing"),
        (listed, "listed returns a list: return an array, or a tuple"),
        (infinite, "infinite returns .*inf at"),
        (crashes, "crashes crashes: ValueError at test_faults.py:"),
        (leaves, "calls sys.exit"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_forward_that_cannot_be_checked_is_said_to_be_so(function, words):
    report = cnnrun.gradcheck(function, backward, inputs={"x": (3, 4), "w": (4, 2)})
    assert report.verdict == "fail"
    with pytest.raises(GradientError, match=words):
        report.raise_if_failed()


def nothing_back(dout, cache):
    backward(dout, cache)


def two_of_three(dout, cache):
    return (*backward(dout, cache), dout)


def no_dw(dout, cache):
    return backward(dout, cache)[0], None


def turned(dout, cache):
    dx, dw = backward(dout, cache)
    return dx, dw.T


def in_single(dout, cache):
    dx, dw = backward(dout, cache)
    return dx, dw.astype(np.float32)


def not_finite(dout, cache):
    dx, dw = backward(dout, cache)
    return dx * np.nan, dw


def writes_dout(dout, cache):
    gradients = backward(dout, cache)
    dout *= 2
    return gradients


def writes_cache(dout, cache):
    gradients = backward(dout, cache)
    cache[1][...] = 0
    return gradients


def contiguous_only(dout, cache):
    return backward(np.frombuffer(dout.base if dout.base is not None else dout)[: dout.size]
                    .reshape(dout.shape), cache)  # fmt: skip


@pytest.mark.parametrize(
    ("function", "words", "tensor"),
    [
        (nothing_back, "nothing_back returns nothing: is its return statement missing", None),
        (two_of_three, "returns 3 gradients for 2 inputs: return \\(dx, dw\\)", None),
        (no_dw, "dw is missing", "w"),
        (turned, "dw has shape \\(2, 4\\), w has \\(4, 2\\): transposed", "w"),
        (in_single, "dw is float32 where its input is float64", "w"),
        (not_finite, "dx is not finite: nan at \\[0, 0\\]", "x"),
        (writes_dout, "backward writes into dout: work on a copy", None),
        (writes_cache, "writes into w|another dx|another dw", None),
        (contiguous_only, "where dout is not contiguous", "x"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_backward_that_returns_nonsense_is_said_to_do_so(function, words, tensor):
    report = cnnrun.gradcheck(forward, function, inputs={"x": (3, 4), "w": (4, 2)})
    assert report.verdict == "fail"
    with pytest.raises(GradientError, match=words):
        report.raise_if_failed()
    if tensor:
        assert report.guilty.tensor == tensor


def test_what_is_kept_outside_the_cache_is_found():
    def from_memory(dout, cache):
        return backward(dout, (MEMORY["x"], cache[1]))

    report = cnnrun.gradcheck(remembers, from_memory, inputs={"x": (3, 4), "w": (4, 2)})
    assert "after another forward, backward gives another dw" in report.findings[0].message


def test_what_it_prints_is_held_back_and_noted(capsys):
    report = cnnrun.gradcheck(prints, backward, inputs={"x": (3, 4), "w": (4, 2)})
    assert report.passed
    assert "it prints while it runs ('shape (3, 4)" in report.notes[0]
    assert capsys.readouterr().out == ""


def test_a_mask_from_a_global_generator_is_frozen_and_noted():
    def dropout_forward(x):
        mask = (np.random.rand(*x.shape) < 0.5) / 0.5
        return x * mask, mask

    def dropout_backward(dout, mask):
        return dout * mask

    def drawn_anew(dout, mask):
        return dout * (np.random.rand(*dout.shape) < 0.5) / 0.5

    state = random.getstate()
    report = cnnrun.gradcheck(dropout_forward, dropout_backward, inputs={"x": (5, 6)})
    assert report.passed
    assert "forward is random" in report.notes[0]
    assert random.getstate() == state
    assert not cnnrun.gradcheck(dropout_forward, drawn_anew, inputs={"x": (5, 6)}).passed

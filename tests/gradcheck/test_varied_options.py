"""A user's layer is built with other options than its defaults; where that crashes, it is said."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import cnnrun
from cnnrun.engine import Layer, LayerConfig
from cnnrun.engine.types import Fraction, Padding, Pair
from cnnrun.errors import ConfigError, ShapeError
from cnnrun.gradcheck.points.cases import cases_of
from cnnrun.gradcheck.points.options import takes


class Striding(Layer):
    """Twice its input, built for any stride that `fails` lets pass."""

    fails: type[Exception] = ZeroDivisionError

    @dataclass(frozen=True)
    class Config(LayerConfig):
        stride: int = 1
        padding: int = 0
        rate: float = 0.5

    def build(self, build):
        if self.config.stride != 1:
            raise self.fails("no stride")
        return self.input_shape

    def forward(self, x, ctx):
        return 2 * x

    def backward(self, dy, ctx):
        return 2 * dy


class Refusing(Striding):
    """The same, with a word for what it does not take."""

    fails = ShapeError


def test_a_crash_at_another_option_is_a_finding():
    report = cnnrun.gradcheck(Striding)
    (finding,) = report.findings
    assert "building Striding(stride=2) on 6x5x2 crashes: ZeroDivisionError" in finding.message
    assert "test_varied_options.py" in finding.message
    assert not report.passed


@pytest.mark.parametrize("error", [ShapeError, ConfigError])
def test_a_refusal_is_none(error, monkeypatch):
    monkeypatch.setattr(Refusing, "fails", error)
    assert cnnrun.gradcheck(Refusing).passed


def test_an_option_is_only_given_what_its_annotation_allows():
    changed = {str(case) for case in cases_of(Refusing)}
    assert {"Refusing(padding=1) on 6x5x2", "Refusing(rate=0.3) on 6x5x2"} <= changed
    assert not [text for text in changed if "same" in text]


@dataclass
class Options:
    """One of each kind."""

    stride: Pair = 1
    padding: Padding = "valid"
    rate: Fraction = 0.5
    bias: bool = True
    sizes: tuple[int, ...] = ()


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("stride", [1, (1, 2)], [0, (1, 2, 3), "same", True, 0.5]),
        ("padding", ["same", 0, (0, 1)], ["sane", -1]),
        ("rate", [0, 0.5], [1.0, -0.1, "x"]),
        ("bias", [True, False], [1, None]),
        ("sizes", [(), (1, 2, 3)], [(1, "x"), 1]),
        ("other", [], [1]),
    ],
)
def test_what_an_annotation_allows(name, right, wrong):
    assert [value for value in (*right, *wrong) if takes(Options, name, value)] == right

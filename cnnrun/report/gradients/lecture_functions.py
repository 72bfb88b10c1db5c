"""The lecture's equation for one entry of dx of an activation: ReLU, sigmoid, a small softmax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod

from cnnrun.engine import Layer
from cnnrun.engine.layers import ReLU, Sigmoid, Softmax
from cnnrun.engine.types import Array, Shape
from cnnrun.explain import Equation, explain
from cnnrun.explain.algebra import with_numbers
from cnnrun.explain.document import Namer
from cnnrun.explain.numbers import Symbols
from cnnrun.explain.sizes import MOST_NUMBERS
from cnnrun.report.gradients.contributions import Contribution, Index

__all__ = ["spell_function"]


def spell_function(
    layer: Layer, index: Index, x: Array, y: Array, dy: Array
) -> tuple[Equation, list[Contribution]] | None:
    """Return the equation of one entry of dx, and its terms; None where the lecture has none.

    Args:
        layer: a registered one.
        index: of the entry.
        x: the input `(N, ...)`.
        y: the outputs, in its shape.
        dy: the upstream gradient, in its shape.
    """
    if isinstance(layer, ReLU | Sigmoid):
        explanation = explain("relu" if isinstance(layer, ReLU) else "sigmoid", input=1)
        (equation,) = explanation.section("input_gradient").equations
        arrays = {"X": x[index].reshape(1), "O": y[index].reshape(1), "dL/dO": dy[index].reshape(1)}
        numbered = with_numbers(equation, Symbols(explanation, arrays))
        place = _place(index[1:], x.shape[1:])
        return _spelled(numbered, [index], lambda text: text.replace("_1", f"_{place}"))
    if isinstance(layer, Softmax) and x.ndim == 2 and x.shape[1] <= MOST_NUMBERS:
        sample, own = index
        count = x.shape[1]
        explanation = explain("softmax", input=count)
        equation = explanation.section("input_gradient").equations[own]
        sums = replace(equation, terms=equation.steps[0])  # before they are written more shortly
        arrays = {"X": x[sample], "O": y[sample], "dL/dO": dy[sample]}
        numbered = with_numbers(sums, Symbols(explanation, arrays))
        return _spelled(numbered, [(sample, output) for output in range(count)], str)
    return None


def _spelled(
    equation: Equation, outputs: Sequence[Index], renamed: Callable[[str], str]
) -> tuple[Equation, list[Contribution]]:
    """Return an equation in which an error stands before each term, and its terms.

    Args:
        equation: with numbers; a term is an output's error, which may have a minus, and factors.
        outputs: the indices of the outputs.
        renamed: gives a symbol the name that it has here.
    """
    contributions = []
    for output, (first, *factors), (error, *values) in zip(
        outputs, equation.terms, equation.numbers or (), strict=True
    ):
        sign = -1 if first.startswith("-") else 1
        slope = "-" * (sign < 0) + " ".join(map(renamed, factors))
        symbols = renamed(first.removeprefix("-")), slope
        contributions.append(Contribution(output, symbols, (sign * error, sign * prod(values))))
    terms = tuple(tuple(map(renamed, term)) for term in equation.terms)
    left = renamed(equation.left)
    return replace(equation, left=left, terms=terms, steps=(), chain=()), contributions


def _place(index: Index, shape: Shape) -> str:
    """Return an entry's place as a symbol has it: `23,1`, rows and columns first."""
    return Namer("X", shape[:2], shape[2:])(index).removeprefix("X_")

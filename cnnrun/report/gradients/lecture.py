"""The lecture's equation for one entry of a gradient, with the numbers of the point in it.

`cnnrun explain` generates the equations from the layer; here its symbols get the values at which
the layer was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from cnnrun.engine import Layer, Loss
from cnnrun.engine.layers import AvgPool2D, Conv2D, Dense, MaxPool2D
from cnnrun.engine.types import Array
from cnnrun.explain import Equation, Explanation, Kind
from cnnrun.explain import explain as explained
from cnnrun.explain.algebra import with_numbers
from cnnrun.explain.document import Namer
from cnnrun.explain.formulas import Rule, formulas_of, loss_rules
from cnnrun.explain.numbers import Symbols, index_of
from cnnrun.report.gradients.contributions import Contribution, Index
from cnnrun.report.gradients.lecture_functions import spell_function

__all__ = ["Spelled", "rule_of", "spell"]

MOST_PRODUCTS = 500_000
"""Of a layer's forward pass on one sample and one channel's outputs; more is not spelled out."""


@dataclass(frozen=True)
class Spelled:
    """An entry's equation in symbols, and its terms over all samples in numbers.

    Attributes:
        equation: for one sample.
        terms: of every sample that counts.
        samples: how many add up.
    """

    equation: Equation
    terms: list[Contribution]
    samples: int


def rule_of(subject: Layer | Loss | None, tensor: str) -> Rule | None:
    """Return the rule behind a tensor's gradient, for any element; None where none is known."""
    if isinstance(subject, Loss):
        rule = loss_rules(subject)[1]
    elif isinstance(subject, Layer):
        formulas = formulas_of(subject)
        known = formulas.backward if tensor == "x" else formulas.parameters.get(tensor)
        if known is None:
            return None
        rule = known
    else:
        return None
    return rule if rule.formula else None


def spell(
    layer: Layer, tensor: str, index: Index, values: Mapping[str, Array], y: Array, dy: Array
) -> Spelled | None:
    """Return the equation of one entry; None where the lecture has none for it.

    Args:
        layer: a registered one.
        tensor: `x`, or a parameter.
        index: of the entry.
        values: x `(N, *input_shape)` and the parameters.
        y: the outputs `(N, *output_shape)`.
        dy: the upstream gradient, in their shape.
    """
    kind = next((known for known in EXPLAINED if isinstance(layer, known)), None)
    how = EXPLAINED[kind] if kind else None
    if values["x"].shape[1:] != layer.input_shape or dy.shape[1:] != layer.output_shape:
        return None
    if how is None and tensor == "x":
        function = spell_function(layer, index, values["x"], y, dy)
        return None if function is None else Spelled(*function, 1)
    if how is None or tensor not in how.sections or how.products(layer) > MOST_PRODUCTS:
        return None
    explanation, equation = how.equation(layer, tensor, index[1:] if tensor == "x" else index)
    letters = {"X": "x", how.weights: "w", "b": "b"}
    samples = [index[0]] if tensor == "x" else range(len(dy))
    terms = []
    for sample in samples:
        arrays = {
            letter: values[name][sample] if name == "x" else values[name]
            for letter, name in letters.items()
            if name in values
        }
        arrays |= {"O": y[sample], "dL/dO": dy[sample]}
        numbered = with_numbers(equation, Symbols(explanation, arrays))
        for symbols, numbers in zip(numbered.terms, numbered.numbers or (), strict=True):
            terms.append(_term(sample, symbols, numbers, arrays, letters))
    return Spelled(equation, terms, len(samples))


def _term(
    sample: int,
    symbols: Sequence[str],
    numbers: Sequence[float],
    arrays: Mapping[str, Array],
    letters: Mapping[str, str],
) -> Contribution:
    """Return a term of the equation as what one output of one sample adds."""
    place = index_of(symbols[0].rpartition("_")[2], arrays["dL/dO"].shape)
    if len(symbols) == 1:
        return Contribution((sample, *place), (symbols[0], "1"), (numbers[0], 1.0))
    letter, _, entry = symbols[1].partition("_")
    source = None
    if letter in letters:
        where = index_of(entry, arrays[letter].shape)
        source = letters[letter], (sample, *where) if letter == "X" else where
    return Contribution(
        (sample, *place), (symbols[0], symbols[1]), (numbers[0], numbers[1]), source
    )


@dataclass(frozen=True)
class _Explained:
    """How a type of layer is explained.

    Attributes:
        kind: its name there.
        options: of `explain`, read off a layer.
        products: how many products its outputs are made of that one entry can act on.
        sections: by tensor, the section with its equations; none for those made here.
        weights: the letter of the weights.
    """

    kind: Kind
    options: Callable[[Any], dict[str, Any]]
    products: Callable[[Any], int]
    sections: Mapping[str, str | None]
    weights: str = ""

    def equation(self, layer: Layer, tensor: str, index: Index) -> tuple[Explanation, Equation]:
        """Return the explanation of one entry, and that entry's equation."""
        section = self.sections[tensor]
        place = [number + 1 for number in index] if section else [1]
        explanation = explained(self.kind, element=place, **self.options(layer))
        if section:
            return explanation, explanation.section(section).equations[0]
        return explanation, _bias_of_images(layer, index)


def _bias_of_images(layer: Layer, index: Index) -> Equation:
    """Return dL/db of one filter: the sum of its errors over all positions."""
    rows, columns, filters = layer.output_shape
    o, b = Namer("O", (rows, columns), (filters,)), Namer("b", (filters,))
    terms = tuple(
        (f"dL/d{o((row, column, index[0]))}",) for row in range(rows) for column in range(columns)
    )
    return Equation(f"dL/d{b(index)}", terms, index=index)


def _convolution(layer: Conv2D) -> dict[str, Any]:
    config = layer.config
    return {
        "input": layer.input_shape, "filter": layer.window.kernel, "filters": config.filters,
        "stride": layer.window.stride, "padding": config.padding,
        "dilation": layer.window.dilation, "groups": config.groups,
    }  # fmt: skip


def _pooling(layer: MaxPool2D | AvgPool2D) -> dict[str, Any]:
    options = {
        "input": layer.input_shape, "pool_size": layer.window.kernel,
        "stride": layer.window.stride, "padding": layer.config.padding,
    }  # fmt: skip
    if isinstance(layer, AvgPool2D):
        options["count_padding"] = layer.config.count_padding
    return options


def _positions_times_taps(layer: Conv2D | MaxPool2D | AvgPool2D) -> int:
    channels = layer.input_shape[2]
    return prod(layer.window.output_size) * prod(layer.window.kernel) * channels


EXPLAINED: dict[type[Layer], _Explained] = {
    Conv2D: _Explained(
        "conv2d",
        _convolution,
        _positions_times_taps,
        {"x": "input_gradient", "w": "filter_gradient", "b": None},
        "F",
    ),
    Dense: _Explained(
        "dense",
        lambda layer: {"input": layer.input_shape[0], "units": layer.config.units},
        lambda layer: layer.params["w"].size,
        {"x": "input_gradient", "w": "weight_gradient", "b": "bias_gradient"},
        "W",
    ),
    MaxPool2D: _Explained("max_pool2d", _pooling, _positions_times_taps, {"x": "input_gradient"}),
    AvgPool2D: _Explained("avg_pool2d", _pooling, _positions_times_taps, {"x": "input_gradient"}),
}

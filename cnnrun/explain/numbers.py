"""Puts numbers beside the symbols, and checks every line with the engine and finite differences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cnnrun.engine import Context, Layer, Pass
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError, GradientError
from cnnrun.explain.algebra import with_numbers
from cnnrun.explain.document import Equation, Explanation

__all__ = ["add_numbers", "array_shapes", "draw"]

PARAMETERS = {"F": "w", "W": "w", "b": "b"}
TOLERANCE = 1e-9
STEP = 1e-4
"""Step of the finite difference: any will do, as the layers are linear or piecewise linear."""


def array_shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays that an explanation of `layer` takes: X, F or W, b, dL/dO."""
    letters = {"w": "F" if layer.type_name == "conv2d" else "W", "b": "b"}
    shapes = {"X": layer.input_shape}
    shapes.update({letters[name]: array.shape for name, array in layer.params.items()})
    shapes["dL/dO"] = layer.output_shape
    return shapes


def draw(layer: Layer, seed: int) -> dict[str, Array]:
    """Return random values with one digit after the point, none 0; no two inputs are equal."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in array_shapes(layer).items():
        size = int(np.prod(shape))
        if name == "X":  # distinct, so that no maximum is tied
            numbers = np.arange(size) - size // 2
            values = rng.permutation(numbers + (numbers >= 0)) / 10
        else:
            values = rng.integers(1, 21, size) * rng.choice([-1, 1], size) / 10
        arrays[name] = values.reshape(shape).astype(np.float64)
    return arrays


def add_numbers(
    explanation: Explanation, values: Mapping[str, npt.ArrayLike] | None = None, seed: int = 0
) -> Explanation:
    """Return the explanation with numbers; every equation is verified on the way.

    Args:
        explanation: of a layer.
        values: the arrays by name, of one sample, as `array_shapes` says; `dO` stands for `dL/dO`.
            Random ones where None.
        seed: of random values.

    Raises:
        ConfigError: an array is missing or has another shape.
        GradientError: a line differs from the engine or from the finite difference.
    """
    if explanation.layer is None:
        raise ConfigError("values: the explanation of a network takes none; give it x")
    layer = explanation.layer.astype(np.float64)  # a copy, whose parameters are written to
    arrays = draw(layer, seed) if values is None else _checked(layer, values)
    for name, parameter in PARAMETERS.items():
        if name in arrays and parameter in layer.params:
            layer.params[parameter][...] = arrays[name]
    engine = _run(layer, arrays["X"], arrays["dL/dO"])
    symbols = _Symbols(explanation, arrays, engine["O"])
    count = ties = 0
    sections = []
    for section in explanation.sections:
        equations = []
        for equation in section.equations:
            numbered = with_numbers(equation, symbols)
            assert numbered.value is not None
            ties += _verify(numbered, section.array, engine, layer, arrays)
            equations.append(numbered)
            count += 1
        sections.append(replace(section, equations=equations))
    given = [f"{name} = {_row(array)}" for name, array in arrays.items() if array.size <= 40]
    verified = f"all {count} lines agree with the engine and with finite differences of it"
    if ties:
        verified += f"; {ties} of them, at ties, with the engine alone"
    return replace(
        explanation,
        sections=sections,
        legend=[*explanation.legend, *given],
        verified=verified,
    )


class _Symbols:
    """The value of a symbol such as `X_11`, `dL/dO_21`, `1/4` or `[X_12 = O_11]`."""

    def __init__(self, explanation: Explanation, arrays: dict[str, Array], output: Array) -> None:
        self.cells = explanation.cells
        self.arrays = {**arrays, "O": output}

    def __call__(self, symbol: str) -> float:
        if symbol.startswith("1/"):
            return 1 / int(symbol[2:])
        if symbol.startswith("["):
            cell, _, maximum = symbol[1:-1].partition(" = ")
            return float(self._wins(cell, maximum))
        return self._value(symbol)

    def _value(self, symbol: str) -> float:
        letter, _, place = symbol.rpartition("_")
        array = self.arrays[letter]
        return float(array[_index(place, array.shape)])

    def _wins(self, cell: str, maximum: str) -> bool:
        """Return whether a cell is the first that has the maximum of its window."""
        values = {name: self._value(name) for name in self.cells[maximum]}
        highest = max(values.values())
        return next(name for name, value in values.items() if value == highest) == cell


def _index(place: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index, from 0, that a symbol's places mean: `11`, `10,3`, `11,2,1`."""
    first, *others = place.split(",")
    spatial = len(shape) if len(shape) < 3 else 2
    parts = [first, *others] if max(shape[:spatial]) > 9 else [*first, *others]
    parts += ["1"] * (len(shape) - len(parts))
    return tuple(int(part) - 1 for part in parts)


def _checked(layer: Layer, values: Mapping[str, npt.ArrayLike]) -> dict[str, Array]:
    """Return the arrays in float64 and in their full shapes."""
    wanted = array_shapes(layer)
    values = {"dL/dO" if name == "dO" else name: value for name, value in values.items()}
    if unknown := sorted(values.keys() - wanted.keys()):
        raise ConfigError(
            f"values: {', '.join(unknown)} is none of the arrays here: {', '.join(wanted)}"
        )
    arrays = {}
    for name, shape in wanted.items():
        if name not in values:
            raise ConfigError(f"values: {name} is missing; it has the shape {_shape(shape)}")
        try:
            array = np.array(values[name], np.float64)
        except (TypeError, ValueError):
            raise ConfigError(f"values: {name} is not an array of numbers") from None
        squeezed = tuple(size for size in shape if size > 1)
        if array.shape != shape and tuple(s for s in array.shape if s > 1) != squeezed:
            raise ConfigError(
                f"values: {name} has the shape {_shape(array.shape)}, expected {_shape(shape)}"
            )
        if not np.isfinite(array).all():
            raise ConfigError(f"values: {name} has a value that is not finite")
        arrays[name] = array.reshape(shape)
    return arrays


def _run(layer: Layer, x: Array, error: Array) -> dict[str, Array]:
    """Return what the engine computes for one sample: O, and the gradients by array name."""
    context = Context(Pass(training=True))
    y = layer.forward(x[None], context).copy()
    dx = layer.backward(error[None], context)
    arrays = {"O": y[0], "X": dx[0]}
    for name, parameter in PARAMETERS.items():
        if parameter in context.gradients:
            arrays[name] = context.gradients[parameter]
    return arrays


def _verify(
    equation: Equation,
    array: str,
    engine: dict[str, Array],
    layer: Layer,
    arrays: dict[str, Array],
) -> bool:
    """Hold one line against the engine, and against a finite difference of its forward pass.

    Returns:
        Whether it lies at a tie, where there is no derivative.
    """
    value = equation.value
    assert value is not None
    references = {"the engine": float(engine[array][equation.index])}
    tied = False
    if array != "O":
        left, right = _slopes(array, equation.index, layer, arrays)
        tied = abs(left - right) > 1e-6 * (1 + abs(left))
        if not tied:
            references["a finite difference"] = (left + right) / 2
    for what, other in references.items():
        allowed = TOLERANCE * (1 + abs(value)) if what == "the engine" else 1e-6 * (1 + abs(value))
        if not abs(value - other) <= allowed:
            raise GradientError(
                f"{equation.left} is {value:.10g} by its line, but {other:.10g} by {what}"
            )
    return tied


def _slopes(
    array: str, index: tuple[int, ...], layer: Layer, arrays: dict[str, Array]
) -> tuple[float, float]:
    """Return dL/d(element) for L = sum of dL/dO O, by differences to the left and to the right."""
    x = arrays["X"].copy()
    moved: Any = x if array == "X" else layer.params[PARAMETERS[array]]
    kept = float(moved[index])
    sums = []
    for h in (-STEP, 0.0, STEP):
        moved[index] = kept + h
        y = layer.forward(x[None], Context(Pass(training=True)))
        sums.append(float(np.sum(y[0] * arrays["dL/dO"])))
    moved[index] = kept
    return (sums[1] - sums[0]) / STEP, (sums[2] - sums[1]) / STEP


def _row(array: Array) -> str:
    """Return an array as nested lists, with short numbers; axes of length 1 at the end left out."""
    while array.ndim > 1 and array.shape[-1] == 1:
        array = array[..., 0]

    def write(part: Any) -> str:
        if isinstance(part, list):
            return f"[{', '.join(map(write, part))}]"
        return f"{part:g}"

    return write(array.tolist())


def _shape(shape: tuple[int, ...]) -> str:
    return format_size(shape) or "one number"

"""Puts numbers beside the symbols, and checks every line with the engine and finite differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cnnrun.engine.types import Array
from cnnrun.errors import GradientError
from cnnrun.explain.algebra import with_numbers
from cnnrun.explain.differences import one_sided_slopes, smooth_slope
from cnnrun.explain.document import Equation, Explanation
from cnnrun.explain.evaluation import evaluate
from cnnrun.explain.parsing import parse
from cnnrun.explain.subjects import LayerSubject, LossSubject, subject_of
from cnnrun.explain.values import checked, row_of

__all__ = ["Symbols", "add_numbers", "index_of"]

TOLERANCE = 1e-9
FINITE_TOLERANCE = 1e-6
"""Of a finite difference."""


def add_numbers(
    explanation: Explanation, values: Mapping[str, npt.ArrayLike] | None = None, seed: int = 0
) -> Explanation:
    """Return the explanation with numbers; every equation is verified on the way.

    Args:
        explanation: of a layer or a loss.
        values: the arrays by name, of one sample, as the subject's `shapes` say; `dO` stands for
            `dL/dO`. Random ones where None.
        seed: of random values.

    Raises:
        ConfigError: an array is missing, has another shape, or numbers that cannot be used.
        GradientError: a line differs from the engine or from the finite difference.
    """
    subject = subject_of(explanation)
    arrays = subject.draw(seed) if values is None else checked(subject.shapes, values)
    subject.require(arrays)
    check = _Check(explanation, subject, arrays)
    sections = []
    for section in explanation.sections:
        equations = [check.numbered(equation, section.array) for equation in section.equations]
        sections.append(replace(section, equations=equations))
    given = [f"{name} = {row_of(array)}" for name, array in arrays.items() if array.size <= 40]
    return replace(
        explanation,
        sections=sections,
        legend=[*explanation.legend, *given],
        verified=check.summary(),
    )


class Symbols:
    """The value of a factor: a symbol such as `X_11` or `dL/dO_21`, or a formula of such.

    Attributes:
        cells: what each maximum is taken of, as the explanation has it.
        arrays: by name, of one sample.
        known: values of symbols that stand in no array.
    """

    def __init__(self, explanation: Explanation, arrays: dict[str, Array]) -> None:
        self.cells, self.arrays = explanation.cells, arrays
        self.known: dict[str, float] = {}

    def __call__(self, factor: str) -> float:
        if factor.startswith("[") and self.cells:
            cell, _, maximum = factor[1:-1].partition(" = ")
            return float(self._wins(cell, maximum))
        return evaluate(parse(factor), self._value)

    def _value(self, symbol: str) -> float:
        if symbol in self.known:
            return self.known[symbol]
        letter, _, place = symbol.rpartition("_")
        array = self.arrays[letter or symbol]
        return float(array[index_of(place, array.shape)] if letter else array)

    def _wins(self, cell: str, maximum: str) -> bool:
        """Return whether a cell is the first that has the maximum of its window."""
        values = {name: self._value(name) for name in self.cells[maximum]}
        highest = max(values.values())
        return next(name for name, value in values.items() if value == highest) == cell


class _Check:
    """Computes lines one after the other, and holds each against what it must agree with."""

    def __init__(
        self,
        explanation: Explanation,
        subject: LayerSubject | LossSubject,
        arrays: dict[str, Array],
    ) -> None:
        self.subject, self.arrays = subject, arrays
        self.engine = subject.run(arrays)
        known = {"O": self.engine["O"]} if "O" in self.engine else {}
        constants = {name: np.array(value) for name, value in subject.constants.items()}
        self.symbols = Symbols(explanation, arrays | known | constants)
        equations = [e for section in explanation.sections for e in section.equations]
        self.forward = [e for e in equations if not _is_derivative(e.left)]
        self.counts = {"engine": 0, "differences": 0, "neither": 0, "ties": 0}

    def numbered(self, equation: Equation, array: str) -> Equation:
        """Return a line with its numbers.

        Raises:
            GradientError: it is wrong.
        """
        numbered = with_numbers(equation, self.symbols)
        value = numbered.value
        assert value is not None
        self.symbols.known[equation.left] = value
        for terms in equation.steps:
            step = with_numbers(replace(equation, terms=terms), self.symbols).value
            assert step is not None
            _agree(equation.left, value, step, TOLERANCE, "the line before")
        if array:
            reference = float(self.engine[array][equation.index])
            _agree(equation.left, value, reference, TOLERANCE, "the engine")
        tied = False
        if _is_derivative(equation.left):
            tied = self._differs(equation, value, array)
        kind = "engine" if array else "differences" if _is_derivative(equation.left) else "neither"
        self.counts[kind] += 1
        self.counts["ties"] += tied
        return numbered

    def summary(self) -> str:
        """Return a sentence that says which lines agree with what."""
        engine, differences, neither, ties = self.counts.values()
        agree = "agree with the engine and with finite differences of it"
        parts = [f"all {engine} lines {agree}"]
        if differences or neither:
            total = engine + differences + neither
            parts = [f"all {total} lines hold: {engine} {agree}"]
        if ties:
            parts.append(f"{ties} of them, at ties, with the engine alone")
        if differences:
            parts.append(f"{differences} with finite differences of the lines above them")
        if neither:
            parts.append(f"{neither} are what the others are computed from")
        return "; ".join(parts)

    def _differs(self, equation: Equation, value: float, array: str) -> bool:
        """Hold a derivative against finite differences.

        Returns:
            Whether it lies at a tie, where there is no derivative.
        """
        if array in self.arrays:
            place = float(self.arrays[array][equation.index])
            function = self._engine_loss(array, equation.index)
        else:
            above, below = equation.left[1:].split("/d")
            place, function = self.symbols(below), self._recomputed(above, below)
        if self.subject.is_smooth:
            slope = smooth_slope(function, place)
        else:
            left, right = one_sided_slopes(function, place)
            if abs(left - right) > 1e-6 * (1 + abs(left)):
                return True
            slope = (left + right) / 2
        _agree(equation.left, value, slope, FINITE_TOLERANCE, "a finite difference")
        return False

    def _engine_loss(self, array: str, index: tuple[int, ...]) -> Callable[[float], float]:
        """Return the loss as a function of one number that goes into the engine."""
        moved = {**self.arrays, array: self.arrays[array].copy()}

        def function(x: float) -> float:
            moved[array][index] = x
            return self.subject.loss(moved)

        return function

    def _recomputed(self, above: str, below: str) -> Callable[[float], float]:
        """Return one symbol as a function of another, by the lines of the forward pass."""
        others = [equation for equation in self.forward if equation.left != below]
        kept = dict(self.symbols.known)

        def function(x: float) -> float:
            self.symbols.known = {**kept, below: x}
            try:
                for equation in others:
                    value = with_numbers(equation, self.symbols).value
                    assert value is not None
                    self.symbols.known[equation.left] = value
                if above in self.symbols.known:
                    return self.symbols.known[above]
                outputs = [e.left for e in others if e.left.startswith("O")]
                return sum(self.symbols(o) * self.symbols(f"dL/d{o}") for o in outputs)
            finally:
                self.symbols.known = kept

        return function


def _is_derivative(symbol: str) -> bool:
    return "/d" in symbol


def _agree(left: str, value: float, other: float, tolerance: float, what: str) -> None:
    if not abs(value - other) <= tolerance * (1 + abs(value)):
        raise GradientError(f"{left} is {value:.10g} by its line, but {other:.10g} by {what}")


def index_of(place: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the index, from 0, that a symbol's places mean: `11`, `10,3`, `11,2,1`."""
    first, *others = place.split(",")
    spatial = len(shape) if len(shape) < 3 else 2
    parts = [first, *others] if max(shape[:spatial]) > 9 else [*first, *others]
    parts += ["1"] * (len(shape) - len(parts))
    return tuple(int(part) - 1 for part in parts)

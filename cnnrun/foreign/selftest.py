"""Would the check have noticed? Mistakes are planted into a right backward of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.foreign.function import Call, ForeignFunction
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.planning import plan_function
from cnnrun.gradcheck.report.findings import Stage
from cnnrun.gradcheck.report.rows import MutantResult

__all__ = ["plant_mistakes"]

PASSES = 300
"""Of the check of one planted mistake: directions find what lies in no compared element."""


@dataclass(frozen=True)
class Slip:
    """A mistake in one gradient.

    Attributes:
        name: in words.
        stage: that is meant to find it.
        change: from the right gradient to the wrong one; None where it does not apply.
    """

    name: str
    stage: Stage
    change: Callable[[Array], Array | None]


def _one_element(gradient: Array) -> Array:
    wrong = gradient.copy()
    wrong.reshape(-1)[int(np.abs(gradient).argmax())] *= 1.01
    return wrong


def _without_last(gradient: Array) -> Array | None:
    if gradient.ndim == 0 or len(gradient) < 2:
        return None
    wrong = gradient.copy()
    wrong[-1] = 0
    return wrong


def _transposed(gradient: Array) -> Array | None:
    is_square = gradient.ndim == 2 and gradient.shape[0] == gradient.shape[1] > 1
    return gradient.T.copy() if is_square else None


SLIPS = (
    Slip("twice as large", "elements", lambda g: 2 * g),
    Slip("the sign is wrong", "elements", lambda g: -g),
    Slip("all zero", "elements", np.zeros_like),
    Slip("a thousandth too large", "elements", lambda g: 1.001 * g),
    Slip("one element 1% too large", "elements", _one_element),
    Slip("the last of the first axis missing", "elements", _without_last),
    Slip("transposed", "elements", _transposed),
    Slip("in float32", "contract", lambda g: g.astype(np.float32)),
)


class _Planted(ForeignFunction):
    """A function whose backward has a mistake in one gradient."""

    def __init__(self, function: ForeignFunction, tensor: str, slip: Slip) -> None:
        super().__init__(
            function.name, function.title, function.checked, function.precision,
            function.is_frozen,
        )  # fmt: skip
        self.function, self.tensor, self.slip = function, tensor, slip

    def call(self, inputs: dict[str, Array]) -> Call:
        self.function.is_frozen = self.is_frozen
        right = self.function.call(inputs)

        def backward(upstream: list[Array]) -> dict[str, Any]:
            gradients = dict(right.backward(upstream))
            gradient = np.asarray(gradients[self.tensor])
            gradients[self.tensor] = np.asarray(self.slip.change(gradient))
            return gradients

        return Call(right.outputs, backward)


def plant_mistakes(
    function: ForeignFunction, inputs: Mapping[str, Input], seed: int = 0
) -> Iterator[MutantResult]:
    """Yield what becomes of each mistake planted into each gradient of a right function."""
    rng = np.random.default_rng([seed, 5])
    drawn = {name: one.draw(rng) for name, one in inputs.items()}
    call = function.call({name: array.copy() for name, array in drawn.items()})
    upstream = [np.asarray(rng.standard_normal(output.shape)) for output in call.outputs]
    right = call.backward(upstream)
    for tensor in function.checked:
        gradient = np.asarray(right[tensor])
        for slip in SLIPS:
            wrong = slip.change(gradient)
            is_same = wrong is None or (
                wrong.dtype == gradient.dtype and np.array_equal(wrong, gradient)
            )
            if not is_same:
                yield _checked(_Planted(function, tensor, slip), inputs, seed)


def _checked(planted: _Planted, inputs: Mapping[str, Input], seed: int) -> MutantResult:
    check = plan_function(planted, inputs, seed=seed, budget=PASSES)
    for _ in check.run():
        pass
    report = check.report()
    stages = [f.stage for f in report.findings if not f.is_warning]
    stages += ["elements"] * any(row.count("wrong") for row in report.rows)
    blamed = report.guilty.tensor if report.guilty else None
    by: list[str] = list(dict.fromkeys(stages))
    return MutantResult(
        name=f"d{planted.tensor}: {planted.slip.name}",
        layer=planted.name,
        expected=planted.slip.stage,
        killed=report.verdict == "fail" and blamed == planted.tensor,
        stage=by[0] if by else None,
        found_by=by,
        guilty=blamed,
        diagnosis=report.diagnosis,
    )

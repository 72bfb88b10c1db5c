"""What a function and its backward must keep to before gradients mean anything.

They run, again and again the same; they return finite float64 arrays of the right shapes; they
write to nothing that they are handed, and remember nothing outside the cache that they return.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.foreign.function import Call, FaultError, ForeignFunction, is_float
from cnnrun.gradcheck.report.findings import Finding

__all__ = ["check_function"]

LONGEST_PRINT = 60


def check_function(
    function: ForeignFunction, inputs: Mapping[str, Array], rng: np.random.Generator
) -> list[Finding]:
    """Return how a function breaks the contract at a point.

    A function that draws from a global random generator is frozen by it, so that its gradient can
    be checked all the same.

    Args:
        function: under test.
        inputs: all of them, by name.
        rng: draws upstream gradients.
    """
    findings: list[Finding] = []

    def note(message: str, tensor: str | None = None, *, is_warning: bool = False) -> None:
        findings.append(Finding(function.name, tensor, "contract", message, is_warning=is_warning))

    function.printed.clear()
    try:
        problem = _forward_problem(function, inputs)
        if problem:
            note(problem)
            return findings
        if function.is_frozen:
            note(
                "forward is random: two calls on the same inputs differ. Checked with the "
                "generators of `random` and NumPy set to one seed before each call; hand in the "
                "mask or a seed to be sure",
                is_warning=True,
            )
        for message, tensor in _backward_problems(function, inputs, rng):
            note(message, tensor)
        if not findings or all(finding.is_warning for finding in findings):
            for message, tensor in _memory_problems(function, inputs, rng):
                note(message, tensor)
    except FaultError as fault:
        note(str(fault), fault.tensor)
    if function.printed:
        said = " ".join("".join(function.printed).split())
        said = said if len(said) <= LONGEST_PRINT else f"{said[:LONGEST_PRINT]}..."
        note(f"it prints while it runs ('{said}'), which was held back", is_warning=True)
        function.printed.clear()
    return findings


def _forward_problem(function: ForeignFunction, inputs: Mapping[str, Array]) -> str | None:
    """Return what forward does that it must not."""
    handed = _copies(inputs)
    first = function.call(handed)
    for name, array in inputs.items():
        if not np.array_equal(handed[name], array, equal_nan=True):
            return f"forward writes into its input {name}: work on a copy, as in {name}.copy()"
    for output in first.outputs:
        if not np.isfinite(output).all():
            return _not_finite(function.forward_name or function.name, output)
    second = function.call(_copies(inputs))
    if not _same(function, first.outputs, second.outputs):
        function.is_frozen = True
        again = [function.call(_copies(inputs)).outputs for _ in range(2)]
        if not _same(function, *again):
            function.is_frozen = False
            return (
                "two forward passes on the same inputs differ: it is random, or keeps something "
                "from one call to the next; hand in the mask, or a seed"
            )
    return None


def _not_finite(function: str, output: Array) -> str:
    place = list(map(int, np.argwhere(~np.isfinite(output))[0]))
    return (
        f"{function} returns {output[tuple(place)]} at {place}, of inputs of about unit size: is "
        "there memory never written, a division by zero, or a logarithm or root of what can be "
        "negative? An input that must be positive is said by NAME=SIZES:positive"
    )


def _backward_problems(
    function: ForeignFunction, inputs: Mapping[str, Array], rng: np.random.Generator
) -> Iterator[tuple[str, str | None]]:
    """Yield what is wrong with what backward returns, and with what it writes to."""
    handed = _copies(inputs)
    call = function.call(handed)
    upstream = _upstream(call, rng)
    given = [array.copy() for array in upstream]
    gradients = call.backward(given)
    for array, kept in zip(given, upstream, strict=True):
        if not np.array_equal(array, kept):
            yield "backward writes into dout: work on a copy, as in dout.copy()", None
            break
    for name, array in inputs.items():
        if not np.array_equal(handed[name], array, equal_nan=True):
            yield f"backward writes into {name}: work on a copy, as in {name}.copy()", None
    for name in function.checked:
        problem = _gradient_problem(name, gradients.get(name), inputs[name])
        if problem:
            yield f"backward: {problem}", name


def _gradient_problem(name: str, gradient: Any, value: Array) -> str | None:
    """Return what is wrong with the kind, shape or dtype of a gradient."""
    if gradient is None:
        return f"d{name} is missing: it is None"
    if isinstance(gradient, float | np.floating) and value.ndim == 0:
        return None
    if not isinstance(gradient, np.ndarray):
        return f"d{name} is a {type(gradient).__name__}, not an array of shape {value.shape}"
    if gradient.shape != value.shape:
        hint = ""
        if gradient.shape == value.shape[::-1]:
            hint = ": transposed"
        elif gradient.size == value.size:
            hint = f": a reshape to {name}.shape is missing"
        elif gradient.ndim and gradient.shape[1:] == value.shape and gradient.size > value.size:
            hint = ": a sum over the first axis is missing"
        return f"d{name} has shape {gradient.shape}, {name} has {value.shape}{hint}"
    if not is_float(gradient) or gradient.dtype.itemsize < value.dtype.itemsize:
        return f"d{name} is {gradient.dtype} where its input is {value.dtype}"
    if not np.isfinite(gradient).all():
        place = list(map(int, np.argwhere(~np.isfinite(gradient))[0]))
        return f"d{name} is not finite: {gradient[tuple(place)]} at {place}"
    return None


def _memory_problems(
    function: ForeignFunction, inputs: Mapping[str, Array], rng: np.random.Generator
) -> Iterator[tuple[str, str | None]]:
    """Yield gradients that depend on what was called before, or on how dout lies in memory."""
    call = function.call(_copies(inputs))
    upstream = _upstream(call, rng)
    first = _gradients(call, upstream)
    for name, gradient in _gradients(call, upstream).items():
        if not _same(function, [gradient], [first[name]]):
            yield (
                f"a second backward on the same cache gives another d{name}: gradients are added "
                "to what the first left, or the cache is written to",
                name,
            )
    fresh = function.call(_copies(inputs))
    others = {
        name: array[::-1].copy() if array.ndim else array.copy() for name, array in inputs.items()
    }
    function.call(others)  # before the backward of the first
    for name, gradient in _gradients(fresh, upstream).items():
        if not _same(function, [gradient], [first[name]]):
            yield (
                f"after another forward, backward gives another d{name} for the first: something "
                "is kept outside the cache, in a global or an attribute",
                name,
            )
    strided = [_strided(array) for array in upstream]
    spread = function.call(_copies(inputs)).backward(strided)
    for name in function.checked:
        size = float(np.max(np.abs(first[name]), initial=0))
        own = np.asarray(spread[name], np.float64)
        room = max(1e-9, 100 * function.precision.claimed) * size
        if own.shape != first[name].shape or not np.allclose(own, first[name], rtol=0, atol=room):
            yield (
                f"backward gives another d{name} where dout is not contiguous in memory, as a "
                "transposed array or a slice is",
                name,
            )


def _gradients(call: Call, upstream: list[Array]) -> dict[str, Array]:
    gradients = call.backward([array.copy() for array in upstream])
    return {name: np.array(gradient, np.float64) for name, gradient in gradients.items()}


def _upstream(call: Call, rng: np.random.Generator) -> list[Array]:
    return [np.asarray(rng.standard_normal(output.shape)) for output in call.outputs]


def _strided(array: Array) -> Array:
    """Return the same numbers, not contiguous in memory."""
    if not array.ndim:
        return array.copy()
    wide = np.zeros((*array.shape, 2))
    wide[..., 0] = array
    return wide[..., 0]


def _copies(inputs: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.copy() for name, array in inputs.items()}


def _same(function: ForeignFunction, one: list[Array], other: list[Array]) -> bool:
    """Return whether arrays agree: to the bit, or to rounding where no call repeats another's."""
    if len(one) != len(other):
        return False
    room = 0.0 if function.is_repeatable else 100 * function.precision.claimed
    return all(
        a.shape == b.shape
        and np.allclose(
            a, b, rtol=0, atol=room * float(np.max(np.abs(b), initial=0)), equal_nan=True
        )
        for a, b in zip(one, other, strict=True)
    )

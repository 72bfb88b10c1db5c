"""How a pair of functions wants to be called, from its parameters and from what forward returns."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrun.errors import ConfigError
from cnnrun.foreign.function import FaultError

__all__ = ["ForwardPlan", "backward_arguments", "call_forward", "forward_arguments", "parameters"]

OUTPUT_NAMES = {"out", "output", "y", "result"}
"""What a backward calls the output of forward, where it wants that."""

Arguments = Callable[[list[Any]], tuple[list[Any], dict[str, Any]]]


@dataclass(frozen=True)
class Parameters:
    """The parameters of a function.

    Attributes:
        required, optional: names of those that can be given by position.
        keyword_only: names.
        takes_more: whether there is `*args`.
        takes_any: whether there is `**kwargs`.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    takes_more: bool
    takes_any: bool

    @property
    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.required, *self.optional, *self.keyword_only)

    def __str__(self) -> str:
        return f"({', '.join(self.names)})"


def parameters(function: Callable[..., Any]) -> Parameters | None:
    """Return a function's parameters; None where Python cannot tell, as of some compiled ones."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return None
    kinds = inspect.Parameter
    placed = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    ]
    own = list(signature.parameters.values())
    return Parameters(
        required=tuple(p.name for p in placed if p.default is kinds.empty),
        optional=tuple(p.name for p in placed if p.default is not kinds.empty),
        keyword_only=tuple(p.name for p in own if p.kind == kinds.KEYWORD_ONLY),
        takes_more=any(p.kind == kinds.VAR_POSITIONAL for p in own),
        takes_any=any(p.kind == kinds.VAR_KEYWORD for p in own),
    )


@dataclass(frozen=True)
class ForwardPlan:
    """Which arguments forward is given by position, and which by name."""

    placed: tuple[str, ...]
    named: tuple[str, ...] = ()


def forward_arguments(
    forward: Callable[..., Any], name: str, inputs: tuple[str, ...], constants: tuple[str, ...]
) -> ForwardPlan:
    """Return how forward is called.

    Raises:
        ConfigError: inputs and constants do not fit its parameters.
    """
    given = (*inputs, *constants)
    own = parameters(forward)
    if own is None:
        return ForwardPlan(given)
    known = [word for word in given if word in own.names]
    missing = [word for word in own.required if word not in given]
    if len(known) == len(given) or (own.takes_any and not missing):
        if missing:
            raise ConfigError(_missing(name, own, missing))
        placed = [word for word in own.required if word in given]
        return ForwardPlan(tuple(placed), tuple(word for word in given if word not in placed))
    most = len(own.required) + len(own.optional)
    if not known and len(own.required) <= len(given) and (own.takes_more or len(given) <= most):
        return ForwardPlan(given)
    unknown = [word for word in given if word not in own.names]
    near = difflib.get_close_matches(unknown[0], own.names, 1, 0.4)
    guess = f"; did you mean {near[0]}?" if near else ""
    if not unknown[0:1] or (not known and len(given) < len(own.required)):
        raise ConfigError(_missing(name, own, list(own.required[len(given) :])))
    raise ConfigError(f"{name}{own} has no parameter {unknown[0]}{guess}")


def _missing(name: str, own: Parameters, missing: list[str]) -> str:
    word = missing[0]
    return (
        f"{name}{own} also needs {', '.join(missing)}: give --input {word}=SIZES, as in "
        f"{word}=4x3x7x7, or --constant '{word}=VALUE'"
    )


def call_forward(forward: Callable[..., Any], plan: ForwardPlan, given: dict[str, Any]) -> Any:
    """Call forward with what it is given, as planned."""
    placed = [given[word] for word in plan.placed]
    return forward(*placed, **{word: given[word] for word in plan.named})


def backward_arguments(
    backward: Callable[..., Any],
    name: str,
    forward_name: str,
    result: Any,
    given: dict[str, Any],
    inputs: Sequence[str],
) -> tuple[list[Any], Arguments]:
    """Return forward's outputs, and what backward is called with once the upstream is known.

    Args:
        backward: the function.
        name: of backward, for messages.
        forward_name: of forward.
        result: what forward returned: an output, or a tuple of outputs, perhaps with a cache last.
        given: inputs and constants by name.
        inputs: the names of the inputs.

    Raises:
        FaultError: it cannot be told which is what.
    """
    if isinstance(result, list):
        raise FaultError(f"{forward_name} returns a list: return an array, or a tuple (out, cache)")
    if result is None:
        raise FaultError(f"{forward_name} returns nothing: is its return statement missing?")
    several = list(result) if isinstance(result, tuple) else [result]
    own = parameters(backward)
    words = (*own.required, *own.optional) if own else ("dout", "cache")
    by_name = {word: given[word] for word in words if word in given}
    wants_output = [w for w in words[1:] if w.lower() in OUTPUT_NAMES and w not in given]
    free = [w for w in words if w not in by_name and w not in wants_output]
    if own is not None:
        free = [w for w in free if w in own.required or w in ("cache",)]
    count = _number_of_outputs(several, free, by_name, inputs, own)
    if count is None:
        raise FaultError(
            f"{forward_name} returns {len(several)} value{'s' * (len(several) != 1)} and "
            f"{name}{own} takes {len(words)}: expected {name}(dout, cache) where {forward_name} "
            f"returns (out, cache), or {name}(dout, {', '.join(inputs)}) where it returns out"
        )
    outputs, rest = several[:count], several[count:]
    douts, others = free[:count], free[count:]

    named = {word: given[word] for word in own.keyword_only if word in given} if own else {}

    def arguments(upstream: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        values = dict(zip(douts, upstream, strict=True))
        values.update(by_name)
        values.update(zip(others, rest, strict=False))
        values.update((word, outputs[0]) for word in wants_output)
        ordered = [values[word] for word in words if word in values]
        if own is not None and own.takes_more and not others and rest:
            cache = rest[0]
            ordered += list(cache) if isinstance(cache, tuple) else [cache]
        return ordered, named

    return outputs, arguments


def _number_of_outputs(
    several: list[Any],
    free: list[str],
    by_name: dict[str, Any],
    inputs: Sequence[str],
    own: Parameters | None,
) -> int | None:
    """Return how many of forward's values are outputs; the one after them is the cache."""
    total = len(several)
    if total == 1:
        return 1 if len(free) == 1 else None
    has_inputs = any(word in by_name for word in inputs)
    last_is_array = isinstance(several[-1], np.ndarray) and several[-1].dtype.kind == "f"
    if len(free) == total:
        return total if has_inputs and last_is_array else total - 1
    if own is not None and own.takes_more and len(free) == total - 1:
        return total - 1
    if has_inputs and len(free) in (1, total - 1):  # the cache is there, backward asks for inputs
        return len(free)
    return None

"""Pairs of Python functions in the shapes that homework has.

    forward(*inputs, *constants) -> (out, cache)      backward(dout, cache) -> (dx, dw, db)
    forward(*inputs, *constants) -> out               backward(dout, *inputs) -> (dx, dw, db)
    forward(...) -> (out1, out2, cache)               backward(dout1, dout2, cache) -> ...
    loss(scores, labels) -> (loss, dscores)           one function, which gives its gradient at once

Which of them it is follows from the names of the parameters and from what forward returns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.foreign.arguments import backward_arguments, call_forward, forward_arguments
from cnnrun.foreign.function import Call, FaultError, ForeignFunction, guarded

__all__ = ["PairFunction", "name_of"]


class PairFunction(ForeignFunction):
    """A forward and a backward function; or one that returns its value and its gradients."""

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any] | None,
        inputs: Sequence[str],
        checked: Sequence[str],
        constants: Mapping[str, Any] | None = None,
        *,
        where: str = "",
    ) -> None:
        """Take the functions.

        Args:
            forward: takes the inputs, then the constants; by name if its parameters have these
                names, else in order.
            backward: its backward; None for a function that returns (value, gradients).
            inputs: names, in the order of forward's parameters.
            checked: those that have a gradient.
            constants: handed to forward besides the inputs, a copy at every call.
            where: the file that they come from, for the report's heading.

        Raises:
            ConfigError: inputs and constants do not fit forward's parameters.
        """
        names = [name_of(function) for function in (forward, backward) if function is not None]
        title = ", ".join(names) + (f" of {where}" if where else "")
        super().__init__(names[-1], title, tuple(checked))
        self.forward_name = names[0]
        self.inputs = tuple(inputs)
        self._forward, self._backward = forward, backward
        self._constants = dict(constants or {})
        self._plan = forward_arguments(forward, names[0], self.inputs, tuple(self._constants))

    def constants(self) -> dict[str, Any]:
        return self._constants

    def call(self, inputs: dict[str, Array]) -> Call:
        given = {**inputs, **copy.deepcopy(self._constants)}
        with guarded(self.forward_name, self.printed, is_frozen=self.is_frozen):
            result = call_forward(self._forward, self._plan, given)
        if self._backward is None:
            value, gradients = self._split_value(result)
            return Call([value], lambda upstream: self._times(upstream[0], gradients))
        outputs, arguments = backward_arguments(
            self._backward, self.name, self.forward_name, result, given, self.inputs
        )
        outputs = [_checked_output(self.forward_name, output) for output in outputs]

        def backward(upstream: list[Array]) -> dict[str, Any]:
            douts = [d[()] if d.ndim == 0 else d for d in upstream]
            assert self._backward is not None
            placed, named = arguments(douts)
            with guarded(self.name, self.printed):
                gradients = self._backward(*placed, **named)
            return self._named(gradients)

        return Call(outputs, backward)

    def _split_value(self, result: Any) -> tuple[Array, dict[str, Any]]:
        """Return the value and the gradients of a function that gives both."""
        if not isinstance(result, tuple) or len(result) < 2:
            raise FaultError(
                f"{self.name} returns {_kind(result)}: one function alone has to return "
                f"(value, gradients); or name its backward too, as in {self.name},BACKWARD"
            )
        value, *gradients = result
        value = _checked_output(self.name, value)
        if value.size != 1:
            raise FaultError(
                f"{self.name} returns (value, gradients), but its value has shape {value.shape}: "
                "only a single number can be checked without an upstream gradient; name the "
                "backward function too"
            )
        return value, self._named(gradients[0] if len(gradients) == 1 else tuple(gradients))

    def _times(self, upstream: Array, gradients: dict[str, Any]) -> dict[str, Any]:
        """Return the gradients for an upstream number; what is no array is left as it is."""
        number = upstream.reshape(())[()]
        return {
            name: number * gradient if isinstance(gradient, np.ndarray) else gradient
            for name, gradient in gradients.items()
        }

    def _named(self, gradients: Any) -> dict[str, Any]:
        """Return what backward returns by the names of inputs.

        Raises:
            FaultError: it returns another number of gradients than there are inputs.
        """
        if isinstance(gradients, Mapping):
            return _by_name(self.name, gradients, self.checked)
        if gradients is None:
            raise FaultError(f"{self.name} returns nothing: is its return statement missing?")
        several = tuple(gradients) if isinstance(gradients, list | tuple) else (gradients,)
        for names in (self.checked, self.inputs):
            if len(several) == len(names):
                own = dict(zip(names, several, strict=True))
                return {name: own[name] for name in self.checked}
        expected = ", ".join(f"d{name}" for name in self.checked)
        raise FaultError(
            f"{self.name} returns {len(several)} gradient{'s' * (len(several) != 1)} for "
            f"{len(self.checked)} inputs: return ({expected}) in this order, or name an input "
            "that has none by --no-gradient NAME"
        )


def _by_name(function: str, gradients: Mapping[str, Any], checked: Sequence[str]) -> dict[str, Any]:
    """Return gradients given in a dict, whose keys are `dw`, `w`, `dW` or `grad_w`."""
    plain = {str(key).lower(): value for key, value in gradients.items()}
    own = {}
    for name in checked:
        keys = [key for key in (f"d{name}", f"grad_{name}", name) if key.lower() in plain]
        if not keys:
            raise FaultError(
                f"{function} returns {', '.join(map(str, gradients)) or 'no gradients'}: "
                f"there is no d{name}",
                name,
            )
        own[name] = plain[keys[0].lower()]
    return own


def _checked_output(function: str, output: Any) -> Array:
    """Return an output as an array.

    Raises:
        FaultError: it is none, or not in float64.
    """
    if isinstance(output, float | np.floating):
        output = np.asarray(output)
    if not isinstance(output, np.ndarray):
        raise FaultError(
            f"{function} returns {_kind(output)} where an array is expected"
            + (": is its return statement missing?" if output is None else "")
        )
    if output.dtype != np.float64:
        raise FaultError(
            f"{function} returns {output.dtype} though its inputs are float64: something in it "
            f"makes it so (astype, dtype=, np.zeros of that dtype); numerical derivatives need "
            "float64"
        )
    return np.array(output)  # a copy, for it may be kept and written to


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def name_of(function: Any) -> str:
    """Return a function's name for messages."""
    return str(getattr(function, "__name__", None) or type(function).__name__)

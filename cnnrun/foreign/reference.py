"""A forward in float64 for a kernel that computes in float32: what differences are taken of."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.foreign.arguments import ForwardPlan, call_forward, forward_arguments, parameters
from cnnrun.foreign.function import FaultError, guarded
from cnnrun.foreign.torch_callee import Callee, callee, import_torch
from cnnrun.gradcheck.precision import SINGLE_CLAIM

__all__ = ["TorchReference"]


class TorchReference:
    """A forward in float64, written with torch or with NumPy: which, is tried out."""

    def __init__(
        self, thing: Any, inputs: Sequence[str], kernel: Callee, constants: Mapping[str, Any]
    ) -> None:
        """Take the forward.

        Args:
            thing: a Module with the kernel's parameters, or a function of the kernel's inputs,
                then its parameters, in order or by name, `conv.weight` as `conv_weight`.
            inputs: the kernel's, without parameters.
            kernel: what it is a reference for.
            constants: the kernel's; those that the reference has a parameter for are handed in.

        Raises:
            ConfigError: the arguments do not fit.
        """
        self._torch = import_torch()
        self._words = {name: name.replace(".", "_") for name in (*inputs, *kernel.parameters)}
        if isinstance(thing, type | self._torch.nn.Module):
            self._callee = callee(thing, inputs, constants, device="cpu", dtype="float64")
            self._words = {name: name for name in self._words}
            if set(self._callee.parameters) != set(kernel.parameters):
                raise ConfigError(
                    f"the reference {self._callee.name} has the parameters "
                    f"{', '.join(self._callee.parameters) or 'none'}, the kernel "
                    f"{', '.join(kernel.parameters) or 'none'}: they have to be the same"
                )
        else:
            self._callee = _function(thing, tuple(self._words.values()), constants)
        self._is_numpy = False

    def outputs(self, inputs: Mapping[str, Array]) -> list[Array]:
        """Return its outputs in float64.

        Raises:
            FaultError: it crashes, or returns something else.
        """
        name = f"the reference {self._callee.name}"
        given = {self._words[word]: array for word, array in inputs.items()}
        if not self._is_numpy:
            tensors = {word: self._torch.tensor(array) for word, array in given.items()}
            try:
                with guarded(name), self._torch.no_grad():
                    return self._arrays(self._callee.run(tensors))
            except FaultError as fault:
                try:
                    with guarded(name):
                        outputs = self._arrays(self._callee.run(copy.deepcopy(given)))
                except FaultError:
                    raise fault from None
                self._is_numpy = True
                return outputs
        with guarded(name):
            return self._arrays(self._callee.run(copy.deepcopy(given)))

    def hold(self, kernel: str, own: list[Array], expected: list[Array]) -> None:
        """Hold a kernel's outputs against the reference's at the same inputs.

        Raises:
            FaultError: they differ by more than rounding in float32 does.
        """
        shapes = [[array.shape for array in outputs] for outputs in (own, expected)]
        if shapes[0] != shapes[1]:
            raise FaultError(
                f"{kernel} returns outputs of shape {_listed(shapes[0])}, the reference "
                f"{self._callee.name} of {_listed(shapes[1])}"
            )
        for mine, other in zip(own, expected, strict=True):
            size = float(np.max(np.abs(other), initial=0))
            apart = np.abs(mine - other)
            if np.max(apart, initial=0) > SINGLE_CLAIM.law * size:
                place = np.unravel_index(int(np.argmax(apart)), apart.shape)
                raise FaultError(
                    f"forward of {kernel} is not that of the reference {self._callee.name}: "
                    f"{mine[place]:.6g} where it gives {other[place]:.6g}, at "
                    f"{list(map(int, place))}, which is more than rounding in float32; one of "
                    "the two is wrong"
                )

    def _arrays(self, result: Any) -> list[Array]:
        """Return what it returns as float64 arrays, without integers."""
        several = result if isinstance(result, list | tuple) else [result]
        arrays = [np.asarray(one) for one in several if one is not None]
        floats = [array for array in arrays if array.dtype.kind == "f"]
        if not floats or any(array.dtype != np.float64 for array in floats):
            kinds = ", ".join(str(array.dtype) for array in floats) or "no numbers"
            raise FaultError(
                f"the reference {self._callee.name} returns {kinds}: it has to compute in float64"
            )
        return [np.array(array) for array in floats]


def _function(thing: Any, words: tuple[str, ...], constants: Mapping[str, Any]) -> Callee:
    """Return how a function is called, with those of the constants that it has a parameter for."""
    name = getattr(thing, "__name__", type(thing).__name__)
    own = parameters(thing)
    kept = {
        word: value
        for word, value in constants.items()
        if own is None or own.takes_any or word in own.names
    }
    if own is None or set(words) <= set(own.names):
        plan = forward_arguments(thing, name, words, tuple(kept))
    else:
        plan = ForwardPlan(words, tuple(kept))
    return Callee(name, lambda given: call_forward(thing, plan, {**given, **copy.deepcopy(kept)}))


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))

"""Functions of JAX with a derivative of their own: `custom_vjp` and `custom_jvp`.

They run with 64-bit numbers, which JAX leaves out by default; the setting is put back after each
call. Integer inputs are closed over, so that no gradient of them is asked for.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.foreign.arguments import call_forward, forward_arguments
from cnnrun.foreign.function import Call, FaultError, ForeignFunction, guarded
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.loading import attribute, load_file, split_place
from cnnrun.foreign.narrowing import is_narrowed
from cnnrun.foreign.pairs import name_of

__all__ = ["JaxFunction", "jax_function", "open_jax"]

APART = 1e-6
"""By how much of their size outputs of f and of its forward rule may differ."""


class JaxFunction(ForeignFunction):
    """A function of JAX arrays, differentiated by `jax.vjp`: by its own rule if it has one."""

    def __init__(
        self,
        function: Any,
        inputs: Sequence[str],
        checked: Sequence[str],
        constants: Mapping[str, Any] | None = None,
        *,
        where: str = "",
    ) -> None:
        """Take the function.

        Args:
            function: returns an array, or a tuple, list or dict of arrays.
            inputs: names, in the order of its parameters.
            checked: those that have a gradient.
            constants: further arguments as they are, such as those of `nondiff_argnums`.
            where: the file that it comes from, for the report's heading.

        Raises:
            ConfigError: JAX is missing, or the arguments do not fit.
        """
        name = name_of(function)
        super().__init__(name, name + (f" of {where}" if where else ""), tuple(checked))
        self._jax = import_jax()
        self._function = function
        self._constants = dict(constants or {})
        self._plan = forward_arguments(function, name, tuple(inputs), tuple(self._constants))

    def constants(self) -> dict[str, Any]:
        return self._constants

    def call(self, inputs: dict[str, Array]) -> Call:
        with guarded(self.name, self.printed), in_float64(self._jax):
            arrays = self._arrays(inputs)
            outputs = [np.array(output) for output in self._outputs(arrays)]
        self._check(outputs, inputs)

        def backward(upstream: list[Array]) -> dict[str, Any]:
            with guarded(f"the derivative of {self.name}", self.printed), in_float64(self._jax):
                return self._derived(arrays, outputs, upstream)

        return Call(outputs, backward)

    def _arrays(self, inputs: Mapping[str, Array]) -> dict[str, Any]:
        return {name: self._jax.numpy.array(array) for name, array in inputs.items()}

    def _outputs(self, given: Mapping[str, Any]) -> list[Any]:
        """Return the outputs that are floats."""
        result = call_forward(self._function, self._plan, {**given, **self._constants})
        if result is None:
            raise FaultError(f"{self.name} returns nothing: is its return statement missing?")
        leaves = map(self._jax.numpy.asarray, self._jax.tree_util.tree_leaves(result))
        floating = self._jax.numpy.floating
        return [leaf for leaf in leaves if self._jax.numpy.issubdtype(leaf.dtype, floating)]

    def _check(self, outputs: list[Array], inputs: Mapping[str, Array]) -> None:
        """Raise a fault where outputs cannot be checked."""
        if not outputs:
            raise FaultError(f"{self.name} returns no float array: there is nothing to derive")
        for output in outputs:
            if output.dtype != np.float64:
                raise FaultError(
                    f"{self.name} returns {output.dtype} though its inputs are float64: something "
                    "in it makes it so (astype, dtype=); numerical derivatives need float64"
                )
        if is_narrowed(outputs, [a for a in inputs.values() if a.dtype == np.float64]):
            raise FaultError(
                f"{self.name} computes in float32, though its inputs are float64: every number is "
                "one of float32; leave out astype and dtype="
            )

    def _derived(
        self, arrays: Mapping[str, Any], outputs: list[Array], upstream: list[Array]
    ) -> dict[str, Any]:
        """Return the gradients by the function's own rule."""
        fixed = {name: array for name, array in arrays.items() if name not in self.checked}

        def function(*moving: Any) -> list[Any]:
            return self._outputs({**fixed, **dict(zip(self.checked, moving, strict=True))})

        own, pull_back = self._jax.vjp(function, *(arrays[name] for name in self.checked))
        for mine, other in zip(map(np.asarray, own), outputs, strict=True):
            room = APART * np.max(np.abs(other), initial=0)
            if mine.shape != other.shape or not np.allclose(mine, other, rtol=0, atol=room):
                raise FaultError(
                    f"the forward rule of {self.name} (what defvjp or defjvp names) returns other "
                    f"outputs than {self.name} itself"
                )
        gradients = pull_back([self._jax.numpy.array(dy) for dy in upstream])
        return {
            name: np.array(gradient) for name, gradient in zip(self.checked, gradients, strict=True)
        }


def import_jax() -> Any:
    """Return JAX, which is imported here alone.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module("jax")
    except ImportError:
        raise ConfigError("--jax needs JAX; install it: pip install jax") from None


@contextlib.contextmanager
def in_float64(jax: Any) -> Iterator[None]:
    """Let JAX keep 64-bit numbers, for a while."""
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    try:
        yield
    finally:
        jax.config.update("jax_enable_x64", before)


def open_jax(
    place: str,
    inputs: Mapping[str, Input],
    constants: Mapping[str, Any],
    *,
    no_gradient: Sequence[str] = (),
) -> tuple[ForeignFunction, dict[str, Input]]:
    """Return the function that `FILE:NAME` names, and its inputs.

    Args:
        place: the file and the name in it.
        inputs: by name, in the order of its parameters.
        constants: further arguments.
        no_gradient: inputs that have none.

    Raises:
        ConfigError: JAX, the file or the name is missing; arguments do not fit.
    """
    jax = import_jax()
    path, names = split_place(place)
    if len(names) != 1:
        raise ConfigError(f"--jax {place}: name one function, as in {path}:f")
    with in_float64(jax):  # for the arrays that the file makes
        thing = attribute(load_file(path), names[0], path)
    function = jax_function(thing, inputs, constants, no_gradient=no_gradient, where=path.name)
    return function, dict(inputs)


def jax_function(
    thing: Any,
    inputs: Mapping[str, Input],
    constants: Mapping[str, Any] | None = None,
    *,
    no_gradient: Sequence[str] = (),
    where: str = "",
) -> JaxFunction:
    """Return a function of JAX's as one to check; see `open_jax`.

    Raises:
        ConfigError: JAX is missing, or arguments do not fit.
    """
    unknown = [name for name in no_gradient if name not in inputs]
    if unknown:
        raise ConfigError(
            f"--no-gradient {unknown[0]}: there is no such input; there are {', '.join(inputs)}"
        )
    checked = [n for n, i in inputs.items() if i.has_gradient and n not in no_gradient]
    if not callable(thing):
        raise ConfigError(f"{name_of(thing)} is no function that JAX could call")
    return JaxFunction(thing, tuple(inputs), checked, constants, where=where)

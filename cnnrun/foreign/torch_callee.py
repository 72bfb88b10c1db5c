"""How a Function, a Module or a function of PyTorch's is called with its arguments by name.

A Function is called by `apply`, a Module with its parameters put in from outside and its buffers as
they were, so that no call changes the next.
"""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.foreign.arguments import call_forward, forward_arguments
from cnnrun.foreign.function import FaultError, guarded
from cnnrun.foreign.pairs import name_of

__all__ = ["Callee", "callee", "import_torch"]


@dataclass(frozen=True)
class Callee:
    """What is called.

    Attributes:
        name: of the thing.
        run: from all inputs by name, parameters too, to what the thing returns.
        parameters: a Module's own values by name.
    """

    name: str
    run: Callable[[Mapping[str, Any]], Any]
    parameters: dict[str, Array] = field(default_factory=dict)


def import_torch(flag: str = "--torch") -> Any:
    """Return PyTorch, which is imported here alone.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise ConfigError(f"{flag} needs PyTorch; install it: pip install torch") from None


def callee(
    thing: Any,
    inputs: Sequence[str],
    constants: Mapping[str, Any],
    *,
    device: str,
    dtype: str,
    name: str = "",
) -> Callee:
    """Return how a thing is called.

    Args:
        thing: a subclass of `torch.autograd.Function` or its `apply`, a Module or a class of
            them, or any function of tensors.
        inputs: names in the order of its parameters.
        constants: further arguments; those of the constructor where it is a class of Modules.
        device: where tensors lie.
        dtype: of tensors and parameters, `float64` or `float32`.
        name: what the user calls it, where that is known.

    Raises:
        ConfigError: it is none of these, or cannot be called with these arguments.
    """
    torch = import_torch()
    owner = getattr(thing, "__self__", None)
    if _is_subclass(owner, torch.autograd.Function):
        thing = owner
    if _is_subclass(thing, torch.nn.Module):
        name = name or thing.__name__
        thing, constants = _constructed(torch, thing, constants), {}
    kept = {name: _tensor(torch, value, device, dtype) for name, value in constants.items()}
    if isinstance(thing, torch.nn.Module):
        own = copy.deepcopy(thing).to(device=device, dtype=getattr(torch, dtype))
        return _module(torch, own, inputs, kept, name or type(thing).__name__)
    name = name or name_of(thing)
    if _is_subclass(thing, torch.autograd.Function):
        thing = _applied(torch, thing)
    elif not callable(thing):
        raise ConfigError(
            f"{name} cannot be called: expected a torch.autograd.Function, an nn.Module or a "
            "function of tensors"
        )
    return Callee(name, _caller(thing, name, inputs, kept))


def _is_subclass(thing: Any, kind: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, kind)


def _tensor(torch: Any, value: Any, device: str, dtype: str) -> Any:
    """Return a constant as it is handed in: an array as a tensor, anything else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    kind = getattr(torch, dtype) if value.dtype.kind == "f" else None
    return torch.tensor(value, dtype=kind, device=device)


def _caller(
    function: Callable[..., Any], name: str, inputs: Sequence[str], constants: Mapping[str, Any]
) -> Callable[[Mapping[str, Any]], Any]:
    plan = forward_arguments(function, name, tuple(inputs), tuple(constants))

    def run(given: Mapping[str, Any]) -> Any:
        return call_forward(function, plan, {**given, **copy.deepcopy(dict(constants))})

    return run


def _applied(torch: Any, kind: Any) -> Callable[..., Any]:
    """Return `apply` of a Function with the parameters that its forward has, without ctx."""
    signature = inspect.signature(kind.forward)
    if kind.setup_context is torch.autograd.Function.setup_context:
        own = list(signature.parameters.values())[1:]
        signature = signature.replace(parameters=own)

    def apply(*placed: Any, **named: Any) -> Any:
        bound = signature.bind(*placed, **named)
        if bound.kwargs:  # apply takes none by name
            bound.apply_defaults()
        return kind.apply(*bound.args)

    apply.__signature__ = signature  # type: ignore[attr-defined]
    return apply


def _constructed(torch: Any, kind: Any, constants: Mapping[str, Any]) -> Any:
    """Return a Module of a class, the same parameters each time."""
    words = ", ".join(f"{name}={value!r}" for name, value in constants.items())
    call = f"{kind.__name__}({words})"
    try:
        with guarded(call), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return kind(**constants)
    except FaultError as fault:
        raise ConfigError(
            f"{fault}; the arguments of a Module's constructor are given by --constant NAME=VALUE"
        ) from None


def _module(
    torch: Any, own: Any, inputs: Sequence[str], constants: Mapping[str, Any], name: str
) -> Callee:
    """Return how a Module is called, at parameters that are handed in."""
    parameters = {
        word: np.array(parameter.detach().cpu().double().numpy())
        for word, parameter in own.named_parameters()
        if parameter.requires_grad
    }
    clash = [word for word in inputs if word in parameters]
    if clash:
        raise ConfigError(
            f"{name} has a parameter called {clash[0]}, which is checked by itself: "
            f"leave out the input {clash[0]}"
        )

    forward = forward_arguments(own.forward, f"{name}.forward", tuple(inputs), tuple(constants))

    def run(given: Mapping[str, Any]) -> Any:
        state = {word: given[word] for word in parameters}
        state.update((word, buffer.clone()) for word, buffer in own.named_buffers())

        def call(*placed: Any, **named: Any) -> Any:
            return torch.func.functional_call(own, state, placed, named)

        return call_forward(call, forward, {**given, **copy.deepcopy(dict(constants))})

    return Callee(name, run, parameters)

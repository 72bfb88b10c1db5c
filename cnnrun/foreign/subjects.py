"""What a check in Python is given, as a function that can be checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnrun.errors import ConfigError
from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.inputs import read_inputs
from cnnrun.foreign.like import resolve_like
from cnnrun.foreign.planning import plan_function
from cnnrun.foreign.tables import pair_function
from cnnrun.gradcheck import Check

__all__ = ["plan_foreign"]


def plan_foreign(
    subject: Any,
    backward: Any,
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any] | None = None,
    no_gradient: Sequence[str] = (),
    like: Any = None,
    layout: str | None = None,
    *,
    seed: int = 0,
    budget: int | None = None,
    seconds: float | None = None,
) -> Check:
    """Return the check of a pair of functions, or of what `cnnrun.foreign` has opened.

    Raises:
        ConfigError: inputs, constants or options do not fit.
    """
    if isinstance(subject, ForeignFunction):
        function, own = subject, read_inputs(inputs)
    elif callable(subject) and (backward is None or callable(backward)):
        function, own = pair_function(subject, backward, inputs, constants, no_gradient=no_gradient)
    else:
        kind = type(subject if not callable(subject) else backward).__name__
        raise ConfigError(f"inputs go with a forward and a backward function, not with a {kind}")
    model = resolve_like(like, own, function.constants()) if like is not None else None
    return plan_function(
        function, own, like=model, layout=layout, seed=seed, budget=budget, seconds=seconds
    )

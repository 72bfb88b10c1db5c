"""What a check in Python is given, as a function that can be checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnrun.errors import ConfigError
from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.inputs import Input, read_inputs
from cnnrun.foreign.like import Model, resolve_like
from cnnrun.foreign.planning import plan_function
from cnnrun.foreign.selftest import plant_mistakes
from cnnrun.foreign.tables import pair_function
from cnnrun.gradcheck import Check
from cnnrun.gradcheck.report.rows import MutantResult

__all__ = ["Foreign", "open_foreign"]


@dataclass(frozen=True)
class Foreign:
    """A function written elsewhere, ready to be checked.

    Attributes:
        function: under test.
        inputs: what its inputs are drawn from.
        like: the layer or loss that it should be.
        layout: of its images.
    """

    function: ForeignFunction
    inputs: Mapping[str, Input]
    like: Model | None = None
    layout: str | None = None

    def plan(self, *, seed: int, budget: int | None, seconds: float | None) -> Check:
        """Return its check, see `plan_function`."""
        return plan_function(
            self.function, self.inputs, like=self.like, layout=self.layout, seed=seed,
            budget=budget, seconds=seconds,
        )  # fmt: skip

    def mutants(self, seed: int) -> list[MutantResult]:
        """Return what became of mistakes planted into its backward."""
        return list(plant_mistakes(self.function, self.inputs, seed))


def open_foreign(
    subject: Any,
    backward: Any,
    inputs: Mapping[str, Any],
    constants: Mapping[str, Any] | None = None,
    *,
    no_gradient: Sequence[str] = (),
    like: Any = None,
    layout: str | None = None,
) -> Foreign:
    """Return a pair of functions, or what `cnnrun.foreign` has opened, ready to be checked.

    Raises:
        ConfigError: inputs, constants or options do not fit.
    """
    if isinstance(subject, ForeignFunction):
        function, own = subject, read_inputs(inputs)
    elif _is_of_torch(subject):
        from cnnrun.foreign.torch import torch_function

        function, own = torch_function(
            subject, read_inputs(inputs), constants or {}, no_gradient=no_gradient
        )
    elif callable(subject) and (backward is None or callable(backward)):
        function, own = pair_function(subject, backward, inputs, constants, no_gradient=no_gradient)
    else:
        kind = type(subject if not callable(subject) else backward).__name__
        raise ConfigError(f"inputs go with a forward and a backward function, not with a {kind}")
    if like is None:
        return Foreign(function, own, layout=layout)
    told = {**(constants or {}), **function.constants()}
    return Foreign(function, own, resolve_like(like, own, told), layout)


def _is_of_torch(subject: Any) -> bool:
    """Return whether it is an autograd.Function or a Module, without importing PyTorch."""
    kind = subject if isinstance(subject, type) else type(subject)
    own = {f"{base.__module__}.{base.__name__}" for base in kind.__mro__}
    return bool(own & {"torch.autograd.function.Function", "torch.nn.modules.module.Module"})

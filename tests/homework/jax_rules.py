"""What a JAX function with a backward of its own is, right or wrong.

Importing this module imports JAX, and has it compute in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

__all__ = ["RIGHT", "WRONG", "Rule", "right", "wrong"]

jax.config.update("jax_enable_x64", True)


@dataclass(frozen=True)
class Rule:
    """A function with a backward of its own.

    Attributes:
        name: of the function, or of the mistake.
        function: a `jax.custom_vjp`.
        plain: the same without a rule, which JAX differentiates.
        inputs: the shape of each argument, by name.
        guilty: the arguments whose gradient is wrong, in order; see `entries.Mistake`.
        kind: likewise.
    """

    name: str
    function: Callable[..., Any]
    plain: Callable[..., Any]
    inputs: dict[str, tuple[int, ...]]
    guilty: tuple[str, ...] = ()
    kind: str = ""


RIGHT: list[Rule] = []
WRONG: list[Rule] = []


def right(plain, **inputs):
    """Return a decorator for the right backward: `backward(arguments, dy)`."""

    def decorate(backward):
        RIGHT.append(Rule(plain.__name__, with_rule(plain, backward), plain, inputs))
        return backward

    return decorate


def wrong(plain, *guilty, kind, **inputs):
    """Return a decorator for a wrong backward; inputs are the right one's where none are given."""

    def decorate(backward):
        shapes = inputs or next(rule.inputs for rule in RIGHT if rule.plain is plain)
        function = with_rule(plain, backward)
        WRONG.append(Rule(backward.__name__, function, plain, shapes, guilty, kind))
        return backward

    return decorate


def with_rule(plain, backward):
    """Return the function with its backward; forward keeps the arguments."""
    function = jax.custom_vjp(plain)
    function.defvjp(lambda *arguments: (plain(*arguments), arguments), backward)
    return function

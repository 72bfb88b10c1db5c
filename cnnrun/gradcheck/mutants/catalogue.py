"""What a planted mistake is: a right layer with one method replaced, on that object alone.

The damaged backward takes the layer and the arguments of backward; `right_backward` calls the one
it replaces. The layer's x and y are kept for it in `ctx.saved`, as `x_noted` and `y_noted`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import numpy as np

from cnnrun.engine import Context, Layer
from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.cases import Case
from cnnrun.gradcheck.report.findings import Stage

__all__ = ["MUTANTS", "Damage", "Mutant", "mutant", "right_backward"]

Damage = Callable[[Any, Array, Context], Array]


@dataclass(frozen=True)
class Mutant:
    """A planted mistake.

    Attributes:
        name: what is wrong, in words.
        case: the layer it is planted in.
        stage: the one that is meant to find it.
        damage: replaces the layer's backward.
        tensor: whose gradient goes wrong; None where it is not a matter of one.
        forward: replaces the layer's forward, if that is wrong too.
    """

    name: str
    case: Case
    stage: Stage
    damage: Damage
    tensor: str | None = "x"
    forward: Damage | None = None

    def build(self, seed: int = 0) -> Layer:
        """Return the damaged layer, in float64."""
        layer = self.case.build(seed)
        layer.forward = MethodType(self.forward or _noting, layer)  # type: ignore[method-assign]
        layer.backward = MethodType(self.damage, layer)  # type: ignore[method-assign]
        return layer


MUTANTS: list[Mutant] = []


def mutant(
    name: str,
    case: Case,
    stage: Stage,
    *,
    tensor: str | None = "x",
    forward: Damage | None = None,
) -> Callable[[Damage], Damage]:
    """Return a decorator that puts a mistake into the catalogue."""

    def add(damage: Damage) -> Damage:
        MUTANTS.append(Mutant(name, case, stage, damage, tensor, forward))
        return damage

    return add


def right_backward(layer: Layer, dy: Array, ctx: Context) -> Array:
    """Return what the right backward gives."""
    return np.array(type(layer).backward(layer, dy, ctx))


def _noting(layer: Layer, x: Array, ctx: Context) -> Array:
    """Run the right forward, and keep x and y for the mistake in backward."""
    y = type(layer).forward(layer, x, ctx)
    ctx.saved.update(x_noted=x, y_noted=y)
    return y

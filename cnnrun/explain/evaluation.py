"""Computes a formula from the values of its symbols."""

from __future__ import annotations

import math
from collections.abc import Callable

from cnnrun.explain.expressions import (
    Bracket,
    Call,
    Derivative,
    Group,
    Name,
    Negative,
    Node,
    Number,
    Power,
    Product,
    Quotient,
    Sum,
)

__all__ = ["evaluate", "symbol_of"]

FUNCTIONS: dict[str, Callable[[float], float]] = {
    "exp": math.exp, "log": math.log, "sqrt": math.sqrt,
}  # fmt: skip
RELATIONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b, ">": lambda a, b: a > b,
}  # fmt: skip


def symbol_of(node: Name | Derivative) -> str:
    """Return how a symbol is written: `X_11`, `dL/dO_11`."""
    if isinstance(node, Derivative):
        return f"d{symbol_of(node.above)}/d{symbol_of(node.below)}"
    return f"{node.letter}_{node.place}" if node.place else node.letter


def evaluate(node: Node, look_up: Callable[[str], float]) -> float:
    """Return the value of a formula between numbers.

    Args:
        node: the formula.
        look_up: gives the value of a symbol.

    Raises:
        ValueError: the formula is one about whole arrays.
    """
    match node:
        case Number(text):
            return float(text)
        case Name() | Derivative():
            return look_up(symbol_of(node))
        case Negative(inner):
            return -evaluate(inner, look_up)
        case Group(inner):
            return evaluate(inner, look_up)
        case Sum(terms):
            return sum(evaluate(term, look_up) for term in terms)
        case Product(factors):
            return math.prod(evaluate(factor, look_up) for factor in factors)
        case Quotient(above, below):
            return evaluate(above, look_up) / evaluate(below, look_up)
        case Power(base, exponent):
            return float(evaluate(base, look_up) ** evaluate(exponent, look_up))
        case Call(function, (argument,)) if function in FUNCTIONS:
            return FUNCTIONS[function](evaluate(argument, look_up))
        case Bracket(relation) if len(relation.sides) == 2:
            left, right = (evaluate(side, look_up) for side in relation.sides)
            return float(RELATIONS[relation.relations[0]](left, right))
    raise ValueError(f"{node} has no value")

"""The chain rule on the expressions themselves.

Each output is a sum of products. Its derivative with respect to a symbol is what that symbol is
multiplied with. The loss gradient of the symbol is the sum over all outputs of dL/dO times that
derivative. So the gradients are not written down a second time: they follow from the forward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod

from cnnrun.explain.document import Equation, Terms

__all__ = ["chained", "gradient", "gradient_of_maxima", "with_numbers"]

MOST_CHAINED = 16
"""Terms of a gradient that are first written as the chain rule has them."""


def gradient(
    outputs: Sequence[Equation], wanted: Sequence[tuple[str, tuple[int, ...]]]
) -> list[Equation]:
    """Return dL/ds = sum over outputs O of dL/dO dO/ds, for symbols s with their indices.

    Args:
        outputs: sums of products, in order.
        wanted: the symbols to differentiate by.
    """
    terms: dict[str, list[tuple[str, ...]]] = {symbol: [] for symbol, _ in wanted}
    chains: dict[str, list[tuple[str, str]]] = {symbol: [] for symbol, _ in wanted}
    for output in outputs:
        for term in output.terms:
            for place, factor in enumerate(term):
                if factor in terms:
                    others = (*term[:place], *term[place + 1 :])
                    terms[factor].append((f"dL/d{output.left}", *others))
                    chains[factor].append((f"dL/d{output.left}", f"d{output.left}/d{factor}"))
    return [
        Equation(
            f"dL/d{symbol}",
            tuple(terms[symbol]),
            index=index,
            chain=tuple(chains[symbol]) if len(chains[symbol]) <= MOST_CHAINED else (),
        )
        for symbol, index in wanted
    ]


def gradient_of_maxima(
    outputs: Sequence[Equation], wanted: Sequence[tuple[str, tuple[int, ...]]]
) -> list[Equation]:
    """Return dL/ds for maxima: dL/dO where s won, written `[s = O]`, which is 1 or 0."""
    terms: dict[str, list[tuple[str, ...]]] = {symbol: [] for symbol, _ in wanted}
    for output in outputs:
        for (symbol,) in output.terms:
            if symbol in terms:
                terms[symbol].append((f"dL/d{output.left}", f"[{symbol} = {output.left}]"))
    return [
        Equation(f"dL/d{symbol}", tuple(terms[symbol]), index=index) for symbol, index in wanted
    ]


def chained(
    symbol: str,
    index: tuple[int, ...],
    local: Mapping[str, tuple[str, ...]],
    terms: Terms | None = None,
) -> Equation:
    """Return dL/ds = sum over outputs O of dL/dO dO/ds, from the factors of each dO/ds.

    Args:
        symbol: to differentiate by.
        index: of it, in its array.
        local: the factors of dO/ds by O; of the first, a minus goes before the whole term.
        terms: what the sum comes to, where it can be written more shortly.
    """
    products = []
    for output, (first, *others) in local.items():
        error = f"{'-' * first.startswith('-')}dL/d{output}"
        products.append((error, first.removeprefix("-"), *others))
    return Equation(
        f"dL/d{symbol}",
        tuple(products) if terms is None else terms,
        index=index,
        chain=tuple((f"dL/d{output}", f"d{output}/d{symbol}") for output in local),
        steps=() if terms is None else (tuple(products),),
    )


def with_numbers(
    equation: Equation, values: Mapping[str, float] | Callable[[str], float]
) -> Equation:
    """Return an equation with the value of every symbol, and its own."""
    look_up = values if callable(values) else values.__getitem__
    numbers = tuple(tuple(look_up(symbol) for symbol in term) for term in equation.terms)
    products = [prod(factors) for factors in numbers]
    total = max(products) if equation.operation == "max" else sum(products)
    return replace(equation, numbers=numbers, value=float(total))

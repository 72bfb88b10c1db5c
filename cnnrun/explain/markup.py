"""Typesets formulas: in LaTeX, and in pieces that templates write in HTML."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Literal

from cnnrun.explain.expressions import (
    Bracket,
    Call,
    Derivative,
    Equal,
    Group,
    Listed,
    Name,
    Negative,
    Node,
    Norm,
    Number,
    Over,
    Power,
    Prefixed,
    Product,
    Quotient,
    Sum,
)
from cnnrun.explain.parsing import parse

__all__ = [
    "MINUS", "Fraction", "Pieces", "Symbol", "Wrapped", "split_symbol", "to_latex_symbol",
]  # fmt: skip

GREEK = {
    name: unicodedata.lookup(f"GREEK SMALL LETTER {name}")
    for name in ("alpha", "beta", "gamma", "delta", "epsilon", "mu")
}
LATEX_FUNCTIONS = {"exp": r"\exp", "log": r"\log", "max": r"\max", "min": r"\min", "tanh": r"\tanh"}
LATEX_RELATIONS = {"<=": r"\le"}
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Symbol:
    """A letter with its place in the array as a subscript; without one where it is empty."""

    letter: str
    place: str = ""
    is_upright: bool = False

    @property
    def shown(self) -> str:
        """The letter itself, for a Greek one whose name is given."""
        return GREEK.get(self.letter, self.letter)


@dataclass(frozen=True)
class Fraction:
    """What stands above a line and below it; `of` is the letter that a derivative is of."""

    above: Pieces
    below: Pieces
    of: str = ""


@dataclass(frozen=True)
class Wrapped:
    """What is raised as an exponent, or stands below a root."""

    kind: Literal["raised", "root"]
    inner: Pieces


Pieces = list["str | Symbol | Fraction | Wrapped"]
"""A text, cut into symbols, fractions and what stands between them."""


def to_latex_symbol(formula: str) -> str:
    """Return `X_11`, `dL/dO_11`, `1/4`, `[X_11 = O_11]` or any other formula as LaTeX."""
    return _latex(parse(formula))


def split_symbol(formula: str) -> Pieces:
    """Return the pieces of `X_11`, `dL/dO_11`, `1/4`, `[X_11 = O_11]` or any other formula."""
    return _pieces(parse(formula))


def _bare(node: Node) -> Node:
    """Return what stands in parentheses, where a fraction makes them needless."""
    return node.inner if isinstance(node, Group) else node


def _latex(node: Node) -> str:
    match node:
        case Number(text):
            mantissa, e, exponent = text.partition("e")
            return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else mantissa
        case Name(letter, place):
            base = rf"\{'var' * (letter == 'epsilon')}{letter}" if letter in GREEK else letter
            base = base if len(letter) == 1 or letter in GREEK else rf"\mathrm{{{letter}}}"
            return f"{base}_{{{place}}}" if place else base
        case Derivative(above, below):
            return rf"\frac{{\partial {_latex(above)}}}{{\partial {_latex(below)}}}"
        case Negative(inner):
            return f"-{_latex(inner)}"
        case Sum(terms):
            first, *others = terms
            return _latex(first) + "".join(
                f" - {_latex(t.inner)}" if isinstance(t, Negative) else f" + {_latex(t)}"
                for t in others
            )
        case Product(factors, points):
            first, *others = factors
            return _latex(first) + "".join(
                (r" \cdot " if point else r" \, ") + _latex(factor)
                for factor, point in zip(others, points, strict=True)
            )
        case Quotient(above, below):
            command = "tfrac" if isinstance(above, Number) and isinstance(below, Number) else "frac"
            return rf"\{command}{{{_latex(_bare(above))}}}{{{_latex(_bare(below))}}}"
        case Power(Derivative(above, below), exponent):  # of a layer's array: dL/dW^(l)
            raised = f"{{{_latex(below)}}}^{{{_latex(exponent)}}}"
            return rf"\frac{{\partial {_latex(above)}}}{{\partial {raised}}}"
        case Power(base, exponent):
            return f"{{{_latex(base)}}}^{{{_latex(exponent)}}}"
        case Call("sqrt", (argument,)):
            return rf"\sqrt{{{_latex(argument)}}}"
        case Call(function, arguments):
            name = LATEX_FUNCTIONS.get(function)
            if name is None:
                name = function if len(function.rstrip("'")) == 1 else rf"\text{{{function}}}"
            return rf"{name}\left({', '.join(map(_latex, arguments))}\right)"
        case Prefixed(words, inner):
            return rf"\text{{{words} }}{_latex(inner)}"
        case Over(operation, indices, inner):
            sign = r"\sum" if operation == "sum" else rf"\operatorname*{{{operation}}}"
            return rf"{sign}_{{{', '.join(indices)}}} {_latex(inner)}"
        case Group(inner):
            return rf"\left({_latex(inner)}\right)"
        case Norm(inner):
            return rf"\left|{_latex(inner)}\right|"
        case Bracket(relation):
            return f"[{_latex(relation)}]"
        case Equal(sides, relations):
            first, *others = sides
            return _latex(first) + "".join(
                f" {LATEX_RELATIONS.get(relation, relation)} {_latex(side)}"
                for side, relation in zip(others, relations, strict=True)
            )
        case Listed(formulas):
            return r", \quad ".join(map(_latex, formulas))


def _pieces(node: Node) -> Pieces:
    match node:
        case Number(text):
            mantissa, e, exponent = text.partition("e")
            raised = Wrapped("raised", [str(int(exponent)).replace("-", MINUS)]) if e else ""
            return [f"{mantissa} · 10", raised] if e else [mantissa]
        case Name(letter, place):
            return [Symbol(letter, place, len(letter) > 1 and letter not in GREEK)]
        case Derivative(above, below):
            return [_fraction(above, below)]
        case Negative(inner):
            return [MINUS, *_pieces(inner)]
        case Sum(terms):
            return [piece for place, term in enumerate(terms) for piece in _added(term, place)]
        case Product(factors, points):
            joined = _pieces(factors[0])
            for factor, point in zip(factors[1:], points, strict=True):
                joined += [" · " if point else "\N{NARROW NO-BREAK SPACE}", *_pieces(factor)]
            return joined
        case Quotient(above, below):
            return [Fraction(_pieces(_bare(above)), _pieces(_bare(below)))]
        case Power(Derivative(above, below), exponent):
            return [_fraction(above, below, [Wrapped("raised", _pieces(exponent))])]
        case Power(base, exponent):
            return [*_pieces(base), Wrapped("raised", _pieces(exponent))]
        case Call("sqrt", (argument,)):
            return [Wrapped("root", _pieces(argument))]
        case Call(function, arguments):
            return [f"{function}(", *_listed(arguments, ", "), ")"]
        case Prefixed(words, inner):
            return [f"{words} ", *_pieces(inner)]
        case Over(operation, indices, inner):
            sign = "Σ" if operation == "sum" else operation
            return [Symbol(sign, ", ".join(indices), True), " ", *_pieces(inner)]
        case Group(inner):
            return ["(", *_pieces(inner), ")"]
        case Norm(inner):
            return ["|", *_pieces(inner), "|"]
        case Bracket(relation):
            return ["[", *_pieces(relation), "]"]
        case Equal(sides, relations):
            joined = _pieces(sides[0])
            for side, sign in zip(sides[1:], relations, strict=True):
                joined += [f" {sign.replace('<=', '≤')} ", *_pieces(side)]
            return joined
        case Listed(formulas):
            return _listed(formulas, ",\N{EM SPACE}")


def _fraction(above: Name, below: Name, raised: Pieces | None = None) -> Fraction:
    """Return a derivative; one of the loss is known by the letter below."""
    is_of_loss = above.letter == "L" and not above.place
    of = below.letter if is_of_loss else ""
    return Fraction(["∂", *_pieces(above)], ["∂", *_pieces(below), *(raised or [])], of)


def _added(term: Node, place: int) -> Pieces:
    """Return a term of a sum with the sign before it."""
    if place == 0:
        return _pieces(term)
    if isinstance(term, Negative):
        return [f" {MINUS} ", *_pieces(term.inner)]
    return [" + ", *_pieces(term)]


def _listed(nodes: tuple[Node, ...], separator: str) -> Pieces:
    return [piece for node in nodes for piece in (separator, *_pieces(node))][1:]

"""The formulas' notation, read: from `O_1 (1 - O_1)` to a tree that can be computed and typeset.

A factor of an equation and a line about whole arrays are written in one plain notation: products by
a space or ` * `, quotients by `/`, powers by `^`, functions as `exp(X_1)`, sums as
`sum over k of ...`, and `[X_1 > 0]` is 1 where that holds and 0 elsewhere. Symbols and derivatives
are those of `document.py`: `X_11`, `dL/dO_11`, `dO_1/dX_2`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

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
)  # fmt: skip

__all__ = ["parse"]

PLACE = r"(?:_[A-Za-z0-9]+(?:,[A-Za-z0-9]+)*)?"
TOKEN = re.compile(
    rf"""\s*(?:
    (?P<over>(?:sum|mean|max)\ over\ \w+(?:\ and\ \w+)*\ of\b)
    | (?P<prefix>180-degree\ rotated\b)
    | (?P<derivative>d[A-Za-z]+{PLACE}/d[A-Za-z]+{PLACE})
    | (?P<function>(?:Full\ Convolution|[A-Za-z]+'?)(?=\())
    | (?P<number>\d+(?:\.\d+)?(?:e[-+]\d+)?)
    | (?P<name>[A-Za-z]+{PLACE})
    | (?P<mark><=|[-+*/^()\[\]=<>,|])
    )""",
    re.VERBOSE,
)
RELATIONS = ("=", ">", "<", "<=")


@lru_cache(maxsize=4096)
def parse(text: str) -> Node:
    """Return the tree of a formula.

    Raises:
        ValueError: it cannot be read.
    """
    reader = _Reader(text)
    formulas = reader.separated(lambda: reader.related())
    if reader.kind:
        raise ValueError(f"{text!r} cannot be read from {reader.word!r} on")
    return formulas[0] if len(formulas) == 1 else Listed(formulas)


class _Reader:
    """Reads one text from left to right, a token ahead."""

    def __init__(self, text: str) -> None:
        self.text, self.end = text, 0
        self.kind, self.word = "", ""
        self._next()

    def _next(self) -> str:
        """Return the token, and go on to the next; its kind is empty at the end."""
        word, rest = self.word, self.text[self.end :]
        match = TOKEN.match(rest)
        if match is None and rest.strip():
            raise ValueError(f"{self.text!r} cannot be read from {rest.strip()!r} on")
        self.kind = (match.lastgroup or "") if match else ""
        self.word = match[self.kind] if match else ""
        self.end += match.end() if match else 0
        return word

    def _take(self, *words: str) -> str:
        """Return the token if it is one of these marks, else nothing."""
        return self._next() if self.kind == "mark" and self.word in words else ""

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise ValueError(f"{self.text!r} lacks a {word!r}")

    def separated(self, read: Callable[[], Node]) -> tuple[Node, ...]:
        """Return what stands between commas."""
        items = [read()]
        while self._take(","):
            items.append(read())
        return tuple(items)

    def related(self) -> Node:
        """Return sums with relations between them, or one sum."""
        sides, relations = [self._sum()], []
        while relation := self._take(*RELATIONS):
            relations.append(relation)
            sides.append(self._sum())
        return Equal(tuple(sides), tuple(relations)) if relations else sides[0]

    def _sum(self) -> Node:
        sign = self._take("-")
        terms: list[Node] = [Negative(self._product()) if sign else self._product()]
        while sign := self._take("+", "-"):
            term = self._product()
            terms.append(Negative(term) if sign == "-" else term)
        return Sum(tuple(terms)) if len(terms) > 1 else terms[0]

    def _product(self) -> Node:
        factors, points = [self._power()], []
        while True:
            if self._take("/"):
                factors[-1] = Quotient(factors[-1], self._power())
            elif point := self._take("*"):
                points.append(bool(point))
                factors.append(self._power())
            elif (self.kind and self.kind != "mark") or self.word in ("(", "["):
                points.append(False)
                factors.append(self._power())
            else:
                break
        return Product(tuple(factors), tuple(points)) if points else factors[0]

    def _power(self) -> Node:
        base = self._atom()
        return Power(base, self._atom()) if self._take("^") else base

    def _atom(self) -> Node:
        if self._take("("):
            inner = self._sum()
            self._expect(")")
            return Group(inner)
        if self._take("["):
            relation = self.related()
            self._expect("]")
            if not isinstance(relation, Equal):
                raise ValueError(f"{self.text!r} has brackets without a relation")
            return Bracket(relation)
        if self._take("|"):
            inner = self._sum()
            self._expect("|")
            return Norm(inner)
        kind, word = self.kind, self._next()
        if kind == "number":
            return Number(word)
        if kind == "name":
            return _name(word)
        if kind == "derivative":
            above, below = word.split("/")
            return Derivative(_name(above[1:]), _name(below[1:]))
        if kind == "function":
            self._expect("(")
            arguments = self.separated(self._sum)
            self._expect(")")
            return Call(word, arguments)
        if kind == "prefix":
            return Prefixed(word, self._power())
        if kind == "over":
            operation, indices = word.removesuffix(" of").split(" over ")
            return Over(operation, tuple(indices.split(" and ")), self._product())
        raise ValueError(f"{self.text!r} cannot be read at {word or 'its end'!r}")


def _name(word: str) -> Name:
    letter, _, place = word.partition("_")
    return Name(letter, place)

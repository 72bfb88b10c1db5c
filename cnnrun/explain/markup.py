"""Finds the symbols in a text, and writes them in LaTeX; templates write them in HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Fraction", "Pieces", "Symbol", "split_sentence", "split_symbol", "to_latex_symbol"]

DERIVATIVE = re.compile(r"d([A-Za-z]+_[\w,]+)/d([A-Za-z]+_[\w,]+)")
SYMBOL = re.compile(r"(dL/d)?([A-Za-z]+)(?:_([\w,]+))?")
IN_A_SENTENCE = re.compile(
    r"\bd[A-Z]_[a-z]/d[A-Z]_[a-z]\b|\b(?:dL/d)?[A-Zb]_[a-z0-9,]*[a-z0-9]\b|\bdL/d[A-Zb]\b"
)


@dataclass(frozen=True)
class Symbol:
    """A letter with its place in the array as a subscript; without one where it is empty."""

    letter: str
    place: str = ""


@dataclass(frozen=True)
class Fraction:
    """What stands above a line and below it; `of` is the letter that a derivative is of."""

    above: Pieces
    below: Pieces
    of: str = ""


Pieces = list["str | Symbol | Fraction"]
"""A text, cut into symbols, fractions and what stands between them."""


def to_latex_symbol(symbol: str) -> str:
    """Return `X_11`, `dL/dO_11`, `1/4` or `[X_11 = O_11]` as LaTeX."""
    if symbol.startswith("["):
        left, _, right = symbol[1:-1].partition(" = ")
        return rf"[{to_latex_symbol(left)} = {to_latex_symbol(right)}]"
    if symbol.startswith("1/"):
        return rf"\tfrac{{1}}{{{symbol[2:]}}}"
    if derivative := DERIVATIVE.fullmatch(symbol):
        above, below = map(to_latex_symbol, derivative.groups())
        return rf"\frac{{\partial {above}}}{{\partial {below}}}"
    match = SYMBOL.fullmatch(symbol)
    if match is None:
        return symbol
    base = f"{match[2]}_{{{match[3]}}}" if match[3] else match[2]
    return rf"\frac{{\partial L}}{{\partial {base}}}" if match[1] else base


def split_symbol(symbol: str) -> Pieces:
    """Return the pieces of `X_11`, `dL/dO_11`, `dO_11/dX_12`, `1/4` or `[X_11 = O_11]`."""
    if symbol.startswith("["):
        left, _, right = symbol[1:-1].partition(" = ")
        return ["[", *split_symbol(left), " = ", *split_symbol(right), "]"]
    if symbol.startswith("1/"):
        return [Fraction(["1"], [symbol[2:]])]
    if derivative := DERIVATIVE.fullmatch(symbol):
        above, below = map(split_symbol, derivative.groups())
        return [Fraction(["∂", *above], ["∂", *below])]
    match = SYMBOL.fullmatch(symbol)
    if match is None:
        return [symbol]
    base = Symbol(match[2], match[3] or "")
    return [Fraction(["∂", Symbol("L")], ["∂", base], match[2])] if match[1] else [base]


def split_sentence(text: str) -> Pieces:
    """Return a sentence cut at the symbols in it, with a point for the product."""
    pieces: Pieces = []
    end = 0
    text = text.replace(" * ", " · ")
    for match in IN_A_SENTENCE.finditer(text):
        pieces += [text[end : match.start()], *split_symbol(match[0])]
        end = match.end()
    return [*pieces, text[end:]]

"""Symbols in the notations of LaTeX and HTML."""

from __future__ import annotations

import html
import re

__all__ = ["to_html_symbol", "to_html_text", "to_latex_symbol"]

SYMBOL = re.compile(r"(dL/d)?([A-Za-z]+)(?:_([\w,]+))?")


def to_latex_symbol(symbol: str) -> str:
    """Return `X_11`, `dL/dO_11`, `1/4` or `[X_11 = O_11]` as LaTeX."""
    if symbol.startswith("["):
        left, _, right = symbol[1:-1].partition(" = ")
        return rf"[{to_latex_symbol(left)} = {to_latex_symbol(right)}]"
    if symbol.startswith("1/"):
        return rf"\tfrac{{1}}{{{symbol[2:]}}}"
    match = SYMBOL.fullmatch(symbol)
    if match is None:
        return symbol
    base = f"{match[2]}_{{{match[3]}}}" if match[3] else match[2]
    return rf"\frac{{\partial L}}{{\partial {base}}}" if match[1] else base


def to_html_text(text: str) -> str:
    """Return a sentence as HTML, with the symbols in it set as such."""

    def local(match: re.Match[str]) -> str:
        above, below = to_html_symbol(match[1]), to_html_symbol(match[2])
        return f"∂{above}/∂{below}"

    text = html.escape(text)
    text = re.sub(r"\bd([A-Z]_[a-z])/d([A-Z]_[a-z])\b", local, text)
    return re.sub(
        r"\b(?:dL/d)?[A-Z]_[a-z0-9,]*[a-z0-9]\b", lambda match: to_html_symbol(match[0]), text
    )


def to_html_symbol(symbol: str) -> str:
    """Return the same as HTML."""
    if symbol.startswith("["):
        left, _, right = symbol[1:-1].partition(" = ")
        return f"[{to_html_symbol(left)} = {to_html_symbol(right)}]"
    match = SYMBOL.fullmatch(symbol)
    if match is None:
        return html.escape(symbol)
    base = f"<i>{match[2]}</i>" + (f"<sub>{match[3]}</sub>" if match[3] else "")
    return f"∂<i>L</i>/∂{base}" if match[1] else base

"""An explanation as HTML that needs nothing else: a page, or a part of a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnrun.explain.document import Equation, Explanation, Terms
from cnnrun.explain.markup import Pieces, split_symbol
from cnnrun.explain.sentences import split_sentence
from cnnrun.explain.text import number, numeric_products
from cnnrun.explain.windows import window_positions
from cnnrun.pages import Html, render_template

__all__ = ["STYLED", "equation_html", "style", "symbol_html", "to_html", "to_html_fragment"]

STYLED = "explanation"
"""The class of an element in which the style holds."""


def to_html(explanation: Explanation) -> str:
    """Return a whole page, light or dark, wide or narrow."""
    return _rendered("explanation_page.html.j2", explanation)


def to_html_fragment(explanation: Explanation) -> str:
    """Return an element with a style of its own, which changes nothing around it."""
    return _rendered("explanation_fragment.html.j2", explanation)


def equation_html(formula: str, words: str = "", equation: Equation | None = None) -> Html:
    """Return a rule with words that go on from there, and below it an entry's equation.

    It is for a page that has `style` in its head, within an element of the class `STYLED`.
    """
    return _part("equation.html.j2", formula=formula, words=words, equation=equation)


def symbol_html(symbol: str) -> Html:
    """Return a symbol such as `dL/dO_11`, typeset, for the same pages."""
    return _part("symbol.html.j2", text=symbol)


def style() -> Html:
    """Return the style of what is typeset."""
    return Html(render_template("cnnrun.explain", "explanation.css.j2"))


def _part(template: str, **values: Any) -> Html:
    return Html(render_template("cnnrun.explain", template, **HELPERS, **values))


def _rendered(template: str, explanation: Explanation) -> str:
    positions = window_positions(explanation)
    return render_template(
        "cnnrun.explain", template, explanation=explanation, positions=positions, **HELPERS
    )


def _lines(equation: Equation) -> list[Terms]:
    """Return the right-hand sides of an equation that are made of symbols, in order."""
    return [*([equation.chain] if equation.chain else []), *equation.steps, equation.terms]


def _products(terms: Sequence[Sequence[str]]) -> list[Pieces]:
    """Return each term's factors, with a point between them."""
    return [
        [piece for factor in term for piece in (" · ", *split_symbol(factor))][1:] for term in terms
    ]


def _numeric_products(equation: Equation) -> list[Pieces]:
    """Return each term with numbers for its factors."""
    products = [_typeset(" · ".join(product)) for product in numeric_products(equation)]
    minus = "\N{MINUS SIGN}"
    return [[minus, p[1:]] if p.startswith(minus) else [p] for p in products]


def _number(value: float) -> str:
    return _typeset(number(value))


def _typeset(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}")


HELPERS: dict[str, Any] = {
    "symbol": split_symbol,
    "sentence": split_sentence,
    "lines": _lines,
    "minus": "\N{MINUS SIGN}",
    "products": _products,
    "numeric_products": _numeric_products,
    "number": _number,
}
"""What the templates call."""

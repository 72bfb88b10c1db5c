"""The account of a wrong entry as a part of the page: the equation, every term, and the sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from cnnrun.explain.page import STYLED, equation_html, symbol_html
from cnnrun.explain.text import number
from cnnrun.pages import Html, render_template
from cnnrun.report.gradients.account import Account
from cnnrun.report.gradients.contributions import Contribution, error_symbol
from cnnrun.report.gradients.marks import mark_of, product

__all__ = ["worked"]

MOST_SPELLED = 20
"""Terms of an equation in symbols."""
MOST_TERMS = 24
"""Rows of the table; of more, those that changed and the largest."""


@dataclass(frozen=True)
class _Line:
    """A row of the table: the term's number, its output, factors, value, and what became of it."""

    number: str
    output: str
    symbols: Sequence[Any]
    numbers: str
    value: str
    mark: str


def worked(account: Account) -> Html:
    """Return the account as HTML."""
    rule, terms = account.rule, account.terms or []
    chosen = _chosen(account)
    rest = [term.value for place, term in enumerate(terms) if place not in chosen]
    equation = account.equation
    more = 0
    if equation is not None:  # the rule has the chain already
        more = max(0, len(equation.terms) - MOST_SPELLED)
        equation = replace(equation, terms=equation.terms[:MOST_SPELLED], chain=())
    formula, words = (rule.formula, rule.words) if rule else (CHAIN_RULE, CHAIN_WORDS)
    extra = _extra(account)
    return Html(
        render_template(
            "cnnrun.report",
            "gradient_account.html.j2",
            account=account,
            styled=STYLED,
            place=_place(account.index),
            rule=equation_html(formula, words, equation),
            more=more,
            lines=[_line(place, terms[place], account) for place in chosen],
            others=len(rest),
            rest=number(sum(rest)),
            extra=extra[:MOST_TERMS],
            more_extra=max(0, len(extra) - MOST_TERMS),
            total_of_terms=number(sum(term.value for term in terms)),
            claimed=number(account.claimed),
            right=number(account.right),
            difference=number(account.claimed - account.right),
            elsewhere=None if account.elsewhere is None else _place(account.elsewhere),
        )
    )


CHAIN_RULE = "dL/dX_i = sum over k of dL/dO_k * dO_k/dX_i"
CHAIN_WORDS = "over the outputs O_k that an entry X_i of any array acts on"


def _chosen(account: Account) -> list[int]:
    """Return which terms have a row of their own, in order: of many the wrong and the largest."""
    terms = account.terms or []
    if len(terms) <= MOST_TERMS:
        return list(range(len(terms)))
    wrong = {passed.output for passed in account.passed or ()}
    ranked = sorted(
        range(len(terms)), key=lambda n: (terms[n].output not in wrong, -abs(terms[n].value))
    )
    return sorted(ranked[:MOST_TERMS])


def _line(place: int, term: Contribution, account: Account) -> _Line:
    passed = next((p for p in account.passed or () if p.output == term.output), None)
    return _Line(
        str(place + 1),
        f"sample {term.output[0]}" if account.equation is not None else "",
        _symbols(term.symbols, account),
        product(*term.numbers),
        number(term.value),
        "" if passed is None else mark_of(passed, term.numbers[0]),
    )


def _extra(account: Account) -> list[_Line]:
    """Return a row for each term that backward adds and should not."""
    due = {term.output for term in account.terms or ()}
    return [
        _Line(
            "",
            f"sample {passed.output[0]}" if account.equation is not None else "",
            [error_symbol(passed.output)],
            "",
            "none",
            mark_of(passed, account.error_at(passed.output)),
        )
        for passed in account.passed or ()
        if passed.output not in due
    ]


def _symbols(symbols: Sequence[str], account: Account) -> list[Any]:
    if account.equation is None:
        return [symbol for symbol in symbols if symbol]
    return [symbol_html(symbol) for symbol in symbols]


def _place(index: Sequence[int]) -> str:
    return f"[{', '.join(map(str, index))}]"

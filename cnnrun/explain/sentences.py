"""Finds the symbols in a sentence, so that prose is typeset like the formulas around it."""

from __future__ import annotations

import re
from collections.abc import Callable

from cnnrun.explain.markup import MINUS, Pieces, split_symbol, to_latex_symbol

__all__ = ["sentence_to_latex", "split_sentence"]

IN_A_SENTENCE = re.compile(
    "|".join(
        (
            r"\bd[A-Za-z]_[a-z]/d[A-Za-z]_[a-z]\b",  # dO_k/dX_i
            r"\bd[Op]/d[Xz]\b",  # dO/dX
            r"\bdL/d(?:gamma|beta|mu|[A-Zbhptz](?:_[a-z0-9,]*[a-z0-9])?)\b",  # dL/dX, dL/dX_i
            r"\b[A-Zabhptz]_[a-z0-9,]*[a-z0-9]\b",  # X_i
            r"\b(?:alpha|beta|gamma|delta|epsilon|mu)\b",
            r"\[[a-z] = [a-z]\]|\[[A-Z]_[a-z] [=>] [A-Z0](?:_[a-z])?\]",  # [i = j], [X_i = O_k]
            r"(?<![\w'])[XOFWELVSNzptbhcs](?![\w'])(?:\^T)?",  # letters that are no words
        )
    )
)


def split_sentence(text: str) -> Pieces:
    """Return a sentence cut at the symbols in it, with a point for the product."""
    pieces: Pieces = []
    end = 0
    text = re.sub(r"(?<=\w)\*(?=\w)", "·", text.replace(" * ", " · ").replace(" - ", f" {MINUS} "))
    for match in IN_A_SENTENCE.finditer(text):
        pieces += [text[end : match.start()], *split_symbol(match[0])]
        end = match.end()
    return [*pieces, text[end:]]


def sentence_to_latex(text: str, escape: Callable[[str], str]) -> str:
    """Return a sentence with its symbols as mathematics, and the rest of it escaped."""
    parts = []
    end = 0
    for match in IN_A_SENTENCE.finditer(text):
        parts += [escape(text[end : match.start()]), f"${to_latex_symbol(match[0])}$"]
        end = match.end()
    return "".join([*parts, escape(text[end:])])

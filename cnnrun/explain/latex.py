"""An explanation as LaTeX, and as Markdown with the same mathematics."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cnnrun.explain.document import Equation, Explanation, Matrix, Statement, Takeaway
from cnnrun.explain.markup import to_latex_symbol
from cnnrun.explain.sentences import sentence_to_latex
from cnnrun.explain.text import number, numeric_products

__all__ = ["to_latex", "to_markdown"]

TERMS_A_LINE = 4
ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}",
}  # fmt: skip
PREAMBLE = r"""\documentclass{article}
\usepackage[a4paper, margin=2cm]{geometry}
\usepackage{amsmath}
\usepackage{graphicx}
\setcounter{MaxMatrixCols}{20}
\allowdisplaybreaks
\renewcommand{\arraystretch}{1.4}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\begin{document}
"""


def to_latex(explanation: Explanation) -> str:
    """Return a document of its own, for pdflatex with amsmath."""
    parts = [PREAMBLE, rf"\section*{{{_escape(explanation.title)}}}"]
    parts += [_sentence(line) + r"\par" for line in explanation.legend]
    for section in explanation.sections:
        parts.append(rf"\subsection*{{{_sentence(section.title)}}}")
        if section.intro:
            parts.append(_sentence(section.intro))
        parts += [rf"\[{to_latex_symbol(formula)}\]" for formula in section.formulas]
        if section.equations:
            lines = " \\\\\n".join(_equation(equation) for equation in section.equations)
            parts.append(f"\\begin{{align*}}\n{lines}\n\\end{{align*}}")
        for statement in section.statements:
            rule = _rule(statement, _escape)
            remark = f" (${to_latex_symbol(statement.remark)}$)" if statement.remark else ""
            parts.append(rf"\textbf{{{_escape(statement.name)}}}{rule}{remark}\par")
    if explanation.takeaways:
        parts.append(r"\subsection*{In matrix form}")
        parts += [_takeaway(takeaway) for takeaway in explanation.takeaways]
    parts += [_sentence(note) + r"\par" for note in explanation.notes]
    if explanation.verified:
        parts.append(rf"\textbf{{Verified:}} {_escape(explanation.verified)}.")
    return "\n".join([*parts, r"\end{document}"]) + "\n"


def to_markdown(explanation: Explanation) -> str:
    """Return Markdown with display mathematics between double dollars."""
    parts = [f"# {explanation.title}"]
    parts += ["\n".join(f"- {_sentence(line, _plain)}" for line in explanation.legend)]
    for section in explanation.sections:
        parts.append(f"## {_sentence(section.title, _plain)}")
        if section.intro:
            parts.append(_sentence(section.intro, _plain))
        parts += [f"$$\n{to_latex_symbol(formula)}\n$$" for formula in section.formulas]
        if section.equations:
            lines = " \\\\\n".join(_equation(equation) for equation in section.equations)
            parts.append(f"$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$")
        lines_of = [
            f"- **{_plain(s.name)}**"
            + _rule(s, _plain)
            + (f" (${to_latex_symbol(s.remark)}$)" if s.remark else "")
            for s in section.statements
        ]
        parts += ["\n".join(lines_of)] if lines_of else []
    if explanation.takeaways:
        parts.append("## In matrix form")
        parts += [_takeaway(takeaway, markdown=True) for takeaway in explanation.takeaways]
    parts += ["\n".join(f"- {_sentence(note, _plain)}" for note in explanation.notes)]
    if explanation.verified:
        parts.append(f"**Verified:** {explanation.verified}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _equation(equation: Equation) -> str:
    left = to_latex_symbol(equation.left)
    lines = [
        _joined([r" \, ".join(map(to_latex_symbol, t)) for t in terms], equation.operation)
        for terms in (*equation.steps, equation.terms)
    ]
    if equation.chain:
        pairs = [r" \cdot ".join(map(to_latex_symbol, pair)) for pair in equation.chain]
        lines.insert(0, _joined(pairs, "sum"))
    if equation.value is not None and equation.is_computed:
        products = [r" \cdot ".join(p) for p in numeric_products(equation, _scientific)]
        lines.append(_joined(products, equation.operation))
    if equation.value is not None and equation.terms:
        lines.append(_scientific(equation.value))
    return " \\\\\n".join([f"{left} &= {lines[0]}", *(f"&= {line}" for line in lines[1:])])


def _scientific(value: float) -> str:
    mantissa, e, exponent = number(value).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else mantissa


def _joined(terms: Sequence[str], operation: str) -> str:
    """Return terms in lines of a few, aligned behind the equals sign."""
    if not terms:
        return "0"
    if operation == "max":
        pieces = [f"{term}, " for term in terms[:-1]] + [terms[-1]]
    else:
        pieces = [terms[0]]
        pieces += [f" - {t[1:]}" if t.startswith("-") else f" + {t}" for t in terms[1:]]
    lines = [
        "".join(pieces[start : start + TERMS_A_LINE]).strip()
        for start in range(0, len(pieces), TERMS_A_LINE)
    ]
    whole = " \\\\\n&\\quad ".join(lines)
    return rf"\max({whole})" if operation == "max" else whole


def _takeaway(takeaway: Takeaway, *, markdown: bool = False) -> str:
    arguments = ", ".join(_matrix(matrix) for matrix in takeaway.arguments)
    formula = rf"{_matrix(takeaway.result)} = \text{{{takeaway.operation}}}\left({arguments}\right)"
    heading = to_latex_symbol(takeaway.formula)
    captions = "; ".join(matrix.caption for matrix in takeaway.arguments)
    remarks = [f"The arguments are: {captions}."]
    remarks += [f"{remark[0].upper()}{remark[1:]}." for remark in takeaway.remarks]
    if markdown:
        display = f"$$\n{formula}\n$$"
        return "\n\n".join(
            [f"${heading}$", display, *(_sentence(remark, _plain) for remark in remarks)]
        )
    # A wide formula shrinks to the page, and a narrow one keeps its size.
    width = r"\ifdim\width>\linewidth\linewidth\else\width\fi"
    display = rf"\[\resizebox{{{width}}}{{!}}{{$\displaystyle {formula}$}}\]"
    return "\n".join(
        [f"${heading}$", display, *(_sentence(remark) + r"\par" for remark in remarks)]
    )


def _matrix(matrix: Matrix) -> str:
    rows = r" \\ ".join(" & ".join(map(to_latex_symbol, row)) for row in matrix.rows)
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def _rule(statement: Statement, escape: Callable[[str], str]) -> str:
    """Return a statement's formula and the words behind it."""
    formula = f": ${to_latex_symbol(statement.formula)}$" if statement.formula else ""
    words = _sentence(statement.words, escape)
    return formula + (f"{', ' if formula else ': '}{words}" if words else "")


def _escape(text: str) -> str:
    return "".join(ESCAPED.get(character, character) for character in text)


def _sentence(text: str, escape: Callable[[str], str] = _escape) -> str:
    """Return prose with the symbols in it as mathematics."""
    return sentence_to_latex(text, escape)


def _plain(text: str) -> str:
    """Return text in which Markdown finds nothing of its own."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)

"""An explanation as LaTeX, and as Markdown with the same mathematics."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cnnrun.explain.document import Equation, Explanation, Matrix, Takeaway
from cnnrun.explain.markup import to_latex_symbol
from cnnrun.explain.text import number

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
    parts += [_escape(line) + r"\par" for line in explanation.legend]
    for section in explanation.sections:
        parts.append(rf"\subsection*{{{_escape(section.title)}}}")
        if section.intro:
            parts.append(_escape(section.intro))
        if section.equations:
            lines = " \\\\\n".join(_equation(equation) for equation in section.equations)
            parts.append(f"\\begin{{align*}}\n{lines}\n\\end{{align*}}")
        for statement in section.statements:
            formula = f": {_escape(statement.formula)}" if statement.formula else ""
            remark = rf" \emph{{{_escape(statement.remark)}}}" if statement.remark else ""
            parts.append(rf"\textbf{{{_escape(statement.name)}}}{formula}{remark}\par")
    if explanation.takeaways:
        parts.append(r"\subsection*{In matrix form}")
        parts += [_takeaway(takeaway) for takeaway in explanation.takeaways]
    parts += [_escape(note) + r"\par" for note in explanation.notes]
    if explanation.verified:
        parts.append(rf"\textbf{{Verified:}} {_escape(explanation.verified)}.")
    return "\n".join([*parts, r"\end{document}"]) + "\n"


def to_markdown(explanation: Explanation) -> str:
    """Return Markdown with display mathematics between double dollars."""
    parts = [f"# {explanation.title}"]
    parts += ["\n".join(f"- {line}" for line in map(_plain, explanation.legend))]
    for section in explanation.sections:
        parts.append(f"## {section.title}")
        if section.intro:
            parts.append(_plain(section.intro))
        if section.equations:
            lines = " \\\\\n".join(_equation(equation) for equation in section.equations)
            parts.append(f"$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$")
        lines_of = [
            f"- **{s.name}**"
            + (f": `{s.formula}`" if s.formula else "")
            + (f" ({_plain(s.remark)})" if s.remark else "")
            for s in section.statements
        ]
        parts += ["\n".join(lines_of)] if lines_of else []
    if explanation.takeaways:
        parts.append("## In matrix form")
        parts += [_takeaway(takeaway, markdown=True) for takeaway in explanation.takeaways]
    parts += ["\n".join(f"- {note}" for note in map(_plain, explanation.notes))]
    if explanation.verified:
        parts.append(f"**Verified:** {explanation.verified}.")
    return "\n\n".join(part for part in parts if part) + "\n"


def _equation(equation: Equation) -> str:
    left = to_latex_symbol(equation.left)
    terms = [r" \, ".join(map(to_latex_symbol, term)) for term in equation.terms]
    lines = [_joined(terms, equation.operation)]
    if equation.chain:
        pairs = [r" \cdot ".join(map(to_latex_symbol, pair)) for pair in equation.chain]
        lines.insert(0, _joined(pairs, "sum"))
    if equation.value is not None and equation.is_computed:
        written = _scientific if equation.operation == "max" else _signed
        products = [r" \cdot ".join(map(written, factors)) for factors in equation.numbers or ()]
        lines.append(_joined(products, equation.operation))
    if equation.value is not None and equation.terms:
        lines.append(_scientific(equation.value))
    return " \\\\\n".join([f"{left} &= {lines[0]}", *(f"&= {line}" for line in lines[1:])])


def _signed(value: float) -> str:
    text = _scientific(value)
    return f"({text})" if text.startswith("-") else text


def _scientific(value: float) -> str:
    mantissa, e, exponent = number(value).partition("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else mantissa


def _joined(terms: Sequence[str], operation: str) -> str:
    """Return terms in lines of a few, aligned behind the equals sign."""
    if not terms:
        return "0"
    sign = ", " if operation == "max" else " + "
    lines = [
        sign.join(terms[start : start + TERMS_A_LINE])
        for start in range(0, len(terms), TERMS_A_LINE)
    ]
    whole = f"{sign.rstrip()} \\\\\n&\\quad ".join(lines)
    if operation != "max":
        return whole
    return rf"\max({whole})"


def _takeaway(takeaway: Takeaway, *, markdown: bool = False) -> str:
    arguments = ", ".join(_matrix(matrix) for matrix in takeaway.arguments)
    formula = rf"{_matrix(takeaway.result)} = \text{{{takeaway.operation}}}\left({arguments}\right)"
    captions = "; ".join(matrix.caption for matrix in takeaway.arguments)
    remarks = [f"The arguments are: {captions}."]
    remarks += [f"{remark[0].upper()}{remark[1:]}." for remark in takeaway.remarks]
    if markdown:
        display = f"$$\n{formula}\n$$"
        return "\n\n".join([f"**{_plain(takeaway.formula)}**", display, *map(_plain, remarks)])
    # A wide formula shrinks to the page, and a narrow one keeps its size.
    width = r"\ifdim\width>\linewidth\linewidth\else\width\fi"
    display = rf"\[\resizebox{{{width}}}{{!}}{{$\displaystyle {formula}$}}\]"
    heading = rf"\textbf{{{_escape(takeaway.formula)}}}"
    return "\n".join([heading, display, *(_escape(remark) + r"\par" for remark in remarks)])


def _matrix(matrix: Matrix) -> str:
    rows = r" \\ ".join(" & ".join(map(to_latex_symbol, row)) for row in matrix.rows)
    return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"


def _escape(text: str) -> str:
    return "".join(ESCAPED.get(character, character) for character in text)


def _plain(text: str) -> str:
    """Return text in which Markdown finds nothing of its own."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)

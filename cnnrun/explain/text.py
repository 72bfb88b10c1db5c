"""An explanation as plain text, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence

from cnnrun.explain.document import (
    Equation,
    Explanation,
    Matrix,
    Section,
    Statement,
    Takeaway,
)

__all__ = ["INDENT", "WIDTH", "count_of", "number", "numeric_products", "to_text", "width_of"]

WIDTH = 79
INDENT = 4
"""Of a matrix that has a line of its own."""


def to_text(explanation: Explanation) -> str:
    """Return the explanation as text; no line is longer than 79 characters."""
    parts = [_underlined(explanation.title, "=")]
    if explanation.legend:
        parts.append("\n".join(_wrap(line, "  ") for line in explanation.legend))
    parts += [_section(section) for section in explanation.sections]
    if explanation.takeaways:
        parts.append(_underlined("In matrix form", "-"))
        parts += [_takeaway(takeaway) for takeaway in explanation.takeaways]
    if explanation.notes:
        parts.append("\n".join(_wrap(f"- {note}", "", "  ") for note in explanation.notes))
    if explanation.verified:
        parts.append(_wrap(f"verified: {explanation.verified}", ""))
    return "\n\n".join(parts) + "\n"


def number(value: float) -> str:
    """Return a number as people write it, with at most six digits; 0 for what rounding leaves."""
    return "0" if abs(value) < 1e-12 else f"{value:.6g}"


def count_of(number: int, noun: str) -> str:
    """Return `1 row` or `2 rows`."""
    return f"{number} {noun}{'s' * (number != 1)}"


def width_of(matrix: Matrix) -> int:
    """Return how many characters a line of a matrix has."""
    return len(_matrix(matrix)[0])


def numeric_products(
    equation: Equation, written: Callable[[float], str] = number
) -> list[list[str]]:
    """Return each term with numbers for its factors, a minus before it where the symbols have one.

    Args:
        equation: with numbers.
        written: how a number is written.
    """

    def factor(value: float) -> str:
        text = written(value)
        return f"({text})" if text.startswith("-") and equation.operation == "sum" else text

    products = []
    for term, numbers in zip(equation.terms, equation.numbers or (), strict=True):
        first, *others = numbers
        text = f"-{factor(-first)}" if term[0].startswith("-") else factor(first)
        products.append([text, *map(factor, others)])
    return products


def _underlined(text: str, line: str) -> str:
    lines = textwrap.wrap(text, WIDTH)
    return "\n".join([*lines, line * max(map(len, lines))])


def _wrap(text: str, indent: str, hanging: str | None = None) -> str:
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if hanging is None else hanging,
        break_on_hyphens=False,
    )


def _section(section: Section) -> str:
    lines = [_underlined(section.title, "-")]
    if section.intro:
        lines.append(_wrap(section.intro, ""))
    lines += [_wrap(formula, "  ", "    ") for formula in section.formulas]
    if section.equations or section.statements:
        lines.append("")
    lines += [_equation(equation) for equation in section.equations]
    lines += [_statement(statement) for statement in section.statements]
    if not section.equations and not section.statements:
        lines.append("(this array has no such entry)")
    return "\n".join(lines)


def _equation(equation: Equation) -> str:
    head = f"{equation.left} = "
    margin = " " * (len(head) - 2) + "= "
    lines = [[_times(term) for term in terms] for terms in (*equation.steps, equation.terms)]
    if equation.chain:
        lines.insert(0, [" * ".join(pair) for pair in equation.chain])
    text = "\n".join(
        _joined(margin if place else head, terms, equation.operation)
        for place, terms in enumerate(lines)
    )
    if equation.value is None or not equation.terms:
        return text
    products = [" * ".join(product) for product in numeric_products(equation)]
    result = f"{margin}{number(equation.value)}"
    if not equation.is_computed:
        return f"{text}\n{result}"
    return f"{text}\n{_joined(margin, products, equation.operation)}\n{result}"


def _times(term: Sequence[str]) -> str:
    """Return a product; a loss gradient is set apart from what it is multiplied with.

    So are factors that are formulas of their own.
    """
    first, *others = term
    if "(" in "".join(term) or any("/" in factor and factor[:2] != "1/" for factor in others):
        return " * ".join(term)
    if first.lstrip("-").startswith("dL/") and others:
        return f"{first} * {' '.join(others)}"
    return (" * " if first.count("/") and first[:2] != "1/" else " ").join(term)


def _joined(head: str, terms: Sequence[str], operation: str) -> str:
    """Return terms one after the other, broken between them where a line is full."""
    if not terms:
        return f"{head}0"
    if operation == "max":
        pieces = [f"max({terms[0]}", *terms[1:]]
        pieces = [f"{piece}," for piece in pieces[:-1]] + [f"{pieces[-1]})"]
    else:
        pieces = [terms[0], *(f"- {t[1:]}" if t.startswith("-") else f"+ {t}" for t in terms[1:])]
    lines, line = [], head
    margin = " " * len(head)
    for place, piece in enumerate(pieces):
        longer = f"{line}{piece}" if place == 0 else f"{line} {piece}"
        if len(longer) > WIDTH and place:
            lines.append(line)
            longer = f"{margin}{piece}"
        line = longer
    return "\n".join([*lines, line])


def _statement(statement: Statement) -> str:
    rule = ", ".join(part for part in (statement.formula, statement.words) if part)
    lines = _wrap(f"{statement.name}: {rule}" if rule else statement.name, "", "    ")
    return f"{lines}\n{_wrap(statement.remark, '    ')}" if statement.remark else lines


def _takeaway(takeaway: Takeaway) -> str:
    """Return `result = Operation(A, B)`: the formula, then the matrices below each other."""
    blocks = [takeaway.formula, ""]
    operands = [_narrow(matrix) for matrix in (takeaway.result, *takeaway.arguments)]
    openings = ["", f"= {takeaway.operation}("]
    drawn = [_matrix(matrix) for matrix in operands]
    width = len(openings[1]) + sum(len(block[0]) for block in drawn) + 2 * len(drawn)
    if width <= WIDTH:
        blocks += _beside(drawn, takeaway.operation)
    else:
        for place, (block, matrix) in enumerate(zip(drawn, operands, strict=True)):
            prefix = "" if place == 0 else openings[1] if place == 1 else ","
            caption = _wrap(f"{prefix} {matrix.caption}".strip(), "", "    ")
            blocks += [caption, *(f"    {row}" for row in block)]
        blocks.append(")")
    where = [matrix.caption for matrix in operands[1:]] if width <= WIDTH else []
    if where:
        blocks += ["", _wrap(f"where the arguments are: {'; '.join(where)}", "")]
    blocks += [_wrap(f"- {remark}", "", "  ") for remark in takeaway.remarks]
    return "\n".join(blocks)


def _narrow(matrix: Matrix) -> Matrix:
    """Return a matrix too wide for a line without the dL/d in each of its entries."""
    if len(_matrix(matrix)[0]) + 4 <= WIDTH:
        return matrix
    rows = tuple(tuple(cell.removeprefix("dL/d") for cell in row) for row in matrix.rows)
    return Matrix(f"{matrix.caption}; dL/d is left out before each entry", rows)


def _matrix(matrix: Matrix) -> list[str]:
    """Return the rows of a matrix between brackets, its columns aligned."""
    widths = [max(map(len, column)) for column in zip(*matrix.rows, strict=True)]
    return [
        "[ " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) + " ]"
        for row in matrix.rows
    ]


def _beside(blocks: Sequence[Sequence[str]], operation: str) -> list[str]:
    """Return matrices beside each other, with the operation's name in the middle row."""
    height = max(map(len, blocks))
    padded = []
    for block in blocks:
        top = (height - len(block)) // 2
        blank = " " * len(block[0])
        padded.append([blank] * top + list(block) + [blank] * (height - len(block) - top))
    middle = (height - 1) // 2
    rows = []
    for row in range(height):
        marks = [f" = {operation}( ", " , ", " )"] if row == middle else None
        opening = f" = {operation}( "
        gaps = marks or [" " * len(opening), "   ", ""]
        line = padded[0][row] + gaps[0] + gaps[1].join(block[row] for block in padded[1:])
        rows.append((line + gaps[2]).rstrip())
    return rows

"""A report as a notebook shows it: a heading, the summary, and a table. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from cnnrun.gradcheck.report.rows import MutantResult, Row

__all__ = ["mutants_to_html", "rows_to_html"]

ROW_COLUMNS = ("layer", "tensor", "checked", "resolved", "kinks", "worst error", "at", "verdict")
MUTANT_COLUMNS = ("planted mistake", "layer", "meant for", "found by", "")


def rows_to_html(title: str, verdict: str, summary: str, rows: Iterable[Row]) -> str:
    """Return a check's summary and a table with a line for every tensor."""
    cells = [_cells(row) for row in rows]
    return _page(f"gradients of {title}: {verdict}", summary, ROW_COLUMNS, cells)


def mutants_to_html(summary: str, mutants: Iterable[MutantResult]) -> str:
    """Return the summary of a self-test and a table with a line for every planted mistake."""
    cells = [
        (
            mutant.name,
            mutant.layer,
            mutant.expected,
            ", ".join(mutant.found_by) or "nothing",
            "found" if mutant.killed else "survived",
        )
        for mutant in mutants
    ]
    return _page("self-test of the gradient check", summary, MUTANT_COLUMNS, cells)


def _cells(row: Row) -> tuple[str, ...]:
    figures = row.to_dict()
    error, index = row.worst_error, figures["worst_index"]
    return (
        row.layer,
        row.gradient,
        f"{figures['checked']:,}",
        f"{figures['resolved']:,}",
        f"{figures['kinks']:,}",
        "-" if error is None else f"{error:.0e}",
        ",".join(map(str, index)) if index else "-",
        row.verdict,
    )


def _page(
    heading: str, summary: str, columns: Sequence[str], cells: Iterable[Sequence[str]]
) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>\n" for line in cells
    )
    return (
        f"<p><strong>{escape(heading)}</strong><br>{escape(summary)}</p>\n"
        f"<table>\n<tr>{head}</tr>\n{body}</table>"
    )

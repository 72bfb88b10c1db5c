"""What a notebook shows of a result: a heading, a line of text, a table. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["cell", "html_table"]


def html_table(
    heading: str, summary: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> str:
    """Return HTML for `_repr_html_`.

    Args:
        heading: in bold.
        summary: below it.
        columns: the table's headings; without any there is no table.
        rows: a cell for every column.
    """
    text = f"<p><strong>{escape(heading)}</strong><br>{escape(summary)}</p>"
    if not columns:
        return text
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>\n" for cells in rows
    )
    return f"{text}\n<table>\n<tr>{head}</tr>\n{body}</table>"


def cell(value: object) -> str:
    """Return a value as a table shows it: numbers to four digits, `-` for None."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return "-" if value is None else f"{value:,}" if type(value) is int else str(value)

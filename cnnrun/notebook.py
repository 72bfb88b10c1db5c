"""What a notebook shows of a result: a heading, a line of text, and a table. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["html_table"]


def html_table(
    heading: str, summary: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> str:
    """Return HTML for `_repr_html_`.

    Args:
        heading: in bold.
        summary: below it.
        columns: the table's headings.
        rows: a cell for every column.
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>\n" for cells in rows
    )
    return (
        f"<p><strong>{escape(heading)}</strong><br>{escape(summary)}</p>\n"
        f"<table>\n<tr>{head}</tr>\n{body}</table>"
    )

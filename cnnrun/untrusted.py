"""Shows names that come from files, which anybody may have written, without doing what they say."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["csv_text", "markdown_table", "markdown_text", "spreadsheet_cell", "visible"]

# What moves the cursor, changes colours or the title of a window, or turns the text around.
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
FORMULA = re.compile(r"[=+\-@\t\r]")
MARKUP = re.compile(r"[\\`*_\[\]<>|~&$]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def visible(text: str) -> str:
    r"""Return text with control characters spelled out, as in `\x1b[31m`; line breaks are kept."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def spreadsheet_cell(value: Any) -> Any:
    """Return a cell of a CSV file; text that a spreadsheet would compute gets an apostrophe before.

    Numbers, also those written as text such as the class `-1`, are left as they are.
    """
    if isinstance(value, str) and FORMULA.match(value) and not NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def csv_text(
    header: Sequence[str], rows: Iterable[Sequence[Any]], lineterminator: str = "\r\n"
) -> str:
    """Return comma-separated values, with every cell as `spreadsheet_cell` has it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=lineterminator)
    for row in (header, *rows):
        writer.writerow([spreadsheet_cell(value) for value in row])
    return text.getvalue()


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table as GitHub's Markdown has it, in which every cell is text and nothing else.

    The first column is aligned left, the others right.
    """
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(
        f"| {' | '.join(line if number == 1 else map(markdown_text, line))} |\n"
        for number, line in enumerate(lines)
    )


def markdown_text(text: str) -> str:
    """Return text for a line of Markdown, with what would be markup spelled out."""
    return MARKUP.sub(r"\\\g<0>", visible(text).replace("\n", " "))

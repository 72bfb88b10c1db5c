"""What `cnnrun runs compare` says of a difference: which is better, and where two disagree."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnnrun.cli.output import message, write_csv
from cnnrun.cli.tables import print_table, print_text
from cnnrun.untrusted import markdown_table, markdown_text

if TYPE_CHECKING:
    from cnnrun.runs import Comparison

__all__ = ["print_markdown", "print_verdicts", "write_disagreements"]

MOST_SHOWN = 20
"""Of the samples on which two runs disagree; a file takes them all."""


def print_verdicts(comparison: Comparison) -> None:
    """Print whether a difference is shown, and the first samples on which two runs disagree."""
    samples = comparison.samples
    if samples is not None and samples.disagreements:
        heading, *rows = samples.table()
        count = len(rows)
        shown = f"the first {MOST_SHOWN} of {count:,}" if count > MOST_SHOWN else f"all {count}"
        title = f"test samples on which they disagree: {shown}"
        cells = [[str(cell) for cell in row] for row in rows[:MOST_SHOWN]]
        print_table(title, heading, cells, left=heading[1:])
    for verdict in comparison.verdicts:
        print_text(verdict)


def print_markdown(comparison: Comparison, rows: Iterable[Sequence[str]]) -> None:
    """Print a comparison as Markdown, for a pull request; `rows` are its settings and results."""
    print(markdown_table(["", *comparison.runs], rows), end="")
    for verdict in comparison.verdicts:
        print(f"\n{markdown_text(verdict)}")


def write_disagreements(comparison: Comparison, path: Path, *, quiet: bool) -> None:
    """Write the samples on which two runs disagree as comma-separated values.

    Raises:
        ConfigError: there are none to write, since it was not two runs that were compared so.
        DataError: the file cannot be written.
    """
    from cnnrun.errors import ConfigError

    if comparison.samples is None:
        why = "; ".join(comparison.notes) or "it takes two runs"
        raise ConfigError(f"--disagreements: {why}")
    heading, *rows = comparison.samples.table()
    write_csv(path, heading, rows)
    message(f"wrote {path}", quiet=quiet)

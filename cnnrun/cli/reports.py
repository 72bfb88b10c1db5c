"""Gradient checks as tables: a row for every tensor, and what is wrong in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnrun.cli.tables import print_table, print_text

if TYPE_CHECKING:
    from rich.text import Text

    from cnnrun.gradcheck import Report, Row

__all__ = ["show_mutants", "show_report"]

WIDTH = 78
STYLES = {"pass": "green", "fail": "bold red", "unresolved": "yellow"}


def show_report(report: Report) -> None:
    """Print a report: the table, every finding, and the verdict."""
    through = [row for row in report.rows if row.place[0] != row.layer]
    alone = [row for row in report.rows if row not in through]
    _print_rows(f"gradients of {report.title}", alone)
    _print_rows("the loss's gradient through the whole network", through)
    for row in report.rows:
        if row.verdict == "fail":
            _print_failure(row)
    if report.executed is not None:
        _print_wrapped(f"executed: {report.executed.summary()} ({report.executed.seconds:.1f} s)")
    if report.verdict == "pass":
        _print_wrapped(report.describe_limit())
    for note in report.notes:
        _print_wrapped(f"note: {note}")
    spent = report.spent
    _print_wrapped(
        f"{report.verdict}: {_verdict(report)} "
        f"({spent.forward_passes:,} forward passes, {spent.seconds:.1f} s, seed {report.seed})"
    )


def _print_rows(title: str, rows: list[Row]) -> None:
    if not rows:
        return
    columns = ["layer", "tensor", "resolved", "kinks", "median", "worst", "at", "verdict"]
    cells = [_cells(row) for row in rows]
    print_table(title, columns, cells, left=["layer", "tensor", "verdict"], keys=2)


def _verdict(report: Report) -> str:
    """Return the last line, without the diagnosis that stands above it."""
    wrong = [row for row in report.rows if row.verdict == "fail"]
    if not wrong or report.guilty is None:
        return report.summary()
    others = f"; {len(wrong) - 1} more in the table" if len(wrong) > 1 else ""
    return f"look at {report.guilty} first{others}"


def show_mutants(report: Report) -> None:
    """Print what became of the planted mistakes."""
    columns = ["planted mistake", "layer", "meant for", "found by", ""]
    rows = [
        [
            mutant.name,
            mutant.layer,
            mutant.expected,
            ", ".join(mutant.found_by) or "nothing",
            "found" if mutant.killed else "SURVIVED",
        ]
        for mutant in report.mutants or []
    ]
    title = "self-test of the gradient check"
    print_table(title, columns, rows, left=columns)
    _print_wrapped(report.summary())


def _cells(row: Row) -> list[str | Text]:
    """Return a row's cells."""
    from rich.text import Text

    figures: dict[str, Any] = row.to_dict()
    index = figures["worst_index"]
    resolved = f"{figures['resolved']:,}/{figures['checked']:,}"
    style = STYLES[row.verdict]
    return [
        row.place[0],
        row.gradient.rpartition("/")[2],
        resolved if figures["checked"] else "-",
        f"{figures['kinks']:,}" if figures["kinks"] else "-",
        _error(figures["median_relative_error"]),
        _error(figures["worst_relative_error"]),
        ",".join(map(str, index)) if index else "-",
        Text(row.verdict, style),
    ]


def _error(value: float | None) -> str:
    return "-" if value is None else "0" if value == 0 else f"{value:.0e}"


def _print_failure(row: Row) -> None:
    figures = row.to_dict()
    name = f"{row.layer}, {row.gradient}" if row.tensor != "-" else row.layer
    _print_wrapped(f"{name}: {row.diagnosis or 'wrong, in no way that has a name'}")
    if figures["wrong"]:
        where = ",".join(map(str, figures["worst_index"]))
        _print_wrapped(
            f"worst at [{where}]: backward gives {figures['analytic']:.10g}, the numerical "
            f"derivative is {figures['numeric']:.10g}; {figures['worst_point']}",
            "    ",
        )
    stages: set[str] = set()
    for finding in row.findings:  # the first of each stage; the others say the same of elsewhere
        if finding.message != row.diagnosis and finding.stage not in stages:
            _print_wrapped(finding.message, "    ")
        stages.add(finding.stage)


def _print_wrapped(text: str, indent: str = "") -> None:
    print_text(text, indent, "    ", WIDTH)

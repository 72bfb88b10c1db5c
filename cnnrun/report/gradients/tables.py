"""The tables and the chart of a gradient check: every tensor, how it was checked, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrun.gradcheck import Report, Row
from cnnrun.gradcheck.report.detection import limit_of
from cnnrun.gradcheck.report.findings import NETWORK
from cnnrun.report.blocks import Charts, Section, Table, Text
from cnnrun.report.scales import Scale, scale_for
from cnnrun.report.svg import Chart, listed

__all__ = ["checked_section", "error_section", "executed_section", "mutant_section", "row_section"]

SMALLEST = 1e-17
"""Relative errors below count as this: among them those of 0."""
BINS = 34
MOST_POINTS = 40
ROW_COLUMNS = (
    "layer", "tensor", "verdict", "checked", "resolved", "kinks", "wrong", "median error",
    "worst error", "at", "would find from",
)  # fmt: skip
VERDICTS = {
    "pass": "\N{CHECK MARK} pass",
    "fail": "\N{BALLOT X} fail",
    "unresolved": "? unresolved",
}
"""With signs, which are seen in a long table."""
STAGES = {
    "contract": "runs twice alike, with the declared shapes and dtypes, and changes no input",
    "conditions": "gives the same gradients after other batches, in float32, in other shards",
    "exact laws": "linear in the upstream gradient; the adjoint identity; conserved sums",
    "elements": "central differences with Richardson's extrapolation, entry by entry",
    "directions": "all entries of a tensor moved at once, so that none goes unseen",
    "conventions": "what is agreed on where there is no derivative",
}


def row_section(report: Report) -> Section:
    """Return a line for every tensor, those of the whole network apart."""
    through = [row for row in report.rows if row.layer == NETWORK]
    alone = [row for row in report.rows if row.layer != NETWORK]
    captions = (
        "Each layer and loss alone" if through else "", "The loss's gradient through the network",
    )  # fmt: skip
    blocks = [
        Table(caption, ROW_COLUMNS, [_cells(row) for row in rows])
        for caption, rows in zip(captions, (alone, through), strict=True)
        if rows
    ]
    return Section("Every tensor", [*blocks])


def checked_section(report: Report) -> Section:
    """Return what was checked, how well errors would be seen, and what it took."""
    lines = [
        f"Checked: {report.title}; seed {report.seed}, "
        f"{report.spent.forward_passes:,} forward passes, {report.spent.seconds:.1f} s."
    ]
    if any(row.points for row in report.rows):
        limit = report.describe_limit()
        lines.append(f"{limit[0].upper()}{limit[1:]}. An error is a relative one: the difference "
                     "over the larger of the two values.")  # fmt: skip
    section = Section("What was checked", [Text(line) for line in lines])
    if report.mutants is None:
        section.blocks.append(Table("Stages", [], list(STAGES.items()), words=True))
    points: dict[str, list[str]] = {}
    for row in report.rows:
        for label, _ in row.points:
            layers = points.setdefault(label, [])
            if row.layer not in layers:
                layers.append(row.layer)
    if points:
        cells = [(label, listed(layers)) for label, layers in list(points.items())[:MOST_POINTS]]
        section.blocks.append(Table("Points", ["point", "layers"], cells, words=True))
        if len(points) > MOST_POINTS:
            section.blocks.append(Text(f"And {len(points) - MOST_POINTS:,} more points."))
    section.blocks += [Text(f"Note: {note}.") for note in report.notes]
    return section


def error_section(report: Report) -> Section:
    """Return how the relative errors of all entries are distributed."""
    elements = [e for row in report.rows for _, tensor in row.points for e in tensor.resolved]
    if not elements:
        return Section("Relative errors")
    errors = np.array([element.relative_error for element in elements])
    is_wrong = np.array([element.status == "wrong" for element in elements])
    words = f"{errors.size:,} entries, median {_error(np.median(errors))}"
    words += f", largest {_error(errors.max())}; those of 0 stand at the left end"
    logs = np.log10(np.clip(np.nan_to_num(errors, nan=1.0, posinf=1.0), SMALLEST, 1.0))
    edges = np.linspace(np.log10(SMALLEST), 0, BINS + 1)
    right, wrong = (np.histogram(logs[chosen], edges)[0] for chosen in (~is_wrong, is_wrong))
    x = Scale(SMALLEST, 2.0, log=True)
    y = scale_for((right + wrong).tolist(), zero=True)
    chart = Chart("relative errors", x, y, ("relative error", "entries"), width=620)
    chart.ticks((9, 5))
    ends = (10**edges).tolist()
    for below, above, low, high in zip(right, wrong, ends[:-1], ends[1:], strict=True):
        for count, start, kind, verdict in (
            (below, 0, "s0", "right"),
            (above, below, "s1", "wrong"),
        ):
            tip = f"{low:.0e} to {high:.0e}: {count:,} entries, {verdict}"
            if count:
                chart.box((low, int(start)), (high, int(start + count)), f"{kind} bar", tip)
    limit = report.tolerance
    chart.upright(limit, "chance", f"{limit:g}: above, and surely so, is wrong")
    return Section("Relative errors", [Charts([chart.finish(words)])])


def executed_section(report: Report) -> Section:
    """Return what a training step as it runs showed, the tensors nearest to their bound first."""
    executed = report.executed
    if executed is None:
        return Section("A training step as it runs")
    words = executed.summary()
    section = Section("A training step as it runs", [Text(f"{words[0].upper()}{words[1:]}.")])
    section.blocks += [Text(f"{finding.layer}: {finding.message}") for finding in executed.findings]
    tensors = sorted(
        executed.tensors,
        key=lambda t: (t.is_right, -(t.error / t.tolerance if t.tolerance else 0.0)),
    )
    cells = [
        (
            tensor.layer,
            tensor.tensor if tensor.tensor in ("y", "dx") else f"d{tensor.tensor}",
            VERDICTS["pass" if tensor.is_right else "fail"],
            tensor.method or "-",
            f"{tensor.error:.1e}",
            f"{tensor.tolerance:.1e}",
            f"{tensor.error / tensor.tolerance:.1%}" if tensor.tolerance else "-",
            f"{tensor.largest:.3g}",
        )
        for tensor in tensors
    ]
    columns = (
        "layer", "tensor", "verdict", "method", "off by", "allowed", "share", "largest value",
    )  # fmt: skip
    section.blocks.append(Table("", columns, cells))
    return section


def mutant_section(report: Report) -> Section:
    """Return what became of the planted mistakes, the survivors first."""
    mutants = sorted(report.mutants or [], key=lambda mutant: mutant.killed)
    cells = [
        (
            mutant.name,
            mutant.layer,
            "found" if mutant.killed else "survived",
            mutant.expected,
            ", ".join(mutant.found_by) or "nothing",
            mutant.guilty or "-",
            mutant.diagnosis or "-",
        )
        for mutant in mutants
    ]
    columns = ("planted mistake", "layer", "result", "meant for", "found by", "blamed", "taken for")
    return Section("Planted mistakes", [Table("", columns, cells, words=True)] if cells else [])


def _cells(row: Row) -> Sequence[str]:
    figures = row.to_dict()
    limit = limit_of(row)
    index = figures["worst_index"]
    return (
        row.place[0],
        row.gradient.rpartition("/")[2],
        VERDICTS[row.verdict],
        f"{figures['checked']:,}",
        f"{figures['resolved']:,}",
        f"{figures['kinks']:,}",
        f"{figures['wrong']:,}",
        _error(figures["median_relative_error"]),
        _error(row.worst_error),
        f"[{', '.join(map(str, index))}]" if index else "-",
        f"{limit.element:.0e}" if limit else "-",
    )


def _error(value: Any) -> str:
    """Return a relative error, which may be None, with one digit."""
    return "-" if value is None else "0" if value == 0 else f"{value:.0e}"

"""The page of a gradient check: the verdict, every wrong tensor with its maps, and all figures."""

from __future__ import annotations

from pathlib import Path

from cnnrun.errors import ConfigError
from cnnrun.explain.page import style
from cnnrun.explain.text import count_of
from cnnrun.gradcheck import Report, Row
from cnnrun.gradcheck.report.rows import gradient_name
from cnnrun.report.blocks import Block, Charts, Fragment, Section, Text
from cnnrun.report.gradients.account import account_of
from cnnrun.report.gradients.advice import advice_for
from cnnrun.report.gradients.entries import telling_point, worst_element
from cnnrun.report.gradients.maps import gradient_maps
from cnnrun.report.gradients.tables import (
    checked_section,
    error_section,
    executed_section,
    mutant_section,
    row_section,
)
from cnnrun.report.gradients.worked import worked
from cnnrun.report.page import render
from cnnrun.report.verdict import Line
from cnnrun.runs.files import replace_file

__all__ = ["write_gradcheck_page"]

STAGES = {
    "contract": "The contract", "conditions": "Another situation", "exact": "An exact law",
    "elements": "Numerical derivatives", "conventions": "A convention",
    "executed": "The training step",
}  # fmt: skip
"""What found a mistake, as the beginning of a sentence."""

MOST_DETAILED = 20
"""Wrong tensors with a section of their own."""


def write_gradcheck_page(report: Report, file: Path | str) -> Path:
    """Write a gradient check as one HTML page that needs no network.

    It says what was found and what to do about it, draws each wrong gradient beside the right one,
    and adds up the entry that is worst, term by term, in the lecture's equation where there is one.
    Where all is right it says what was checked, and which errors would have been seen.

    Args:
        report: of `cnnrun.gradcheck`.
        file: where the page goes; its folder is created.

    Returns:
        The file, which is replaced whole or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """
    path = Path(file)
    page = _page(report)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, page.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror})") from None
    return path


def _page(report: Report) -> str:
    wrong = _wrong_rows(report)
    sections = [_wrong_section(row) for row in wrong[:MOST_DETAILED]]
    if report.rows:
        sections.append(row_section(report))
    sections += [
        mutant_section(report), error_section(report), executed_section(report),
        checked_section(report),
    ]  # fmt: skip
    return render(
        f"gradients of {report.title}" if report.mutants is None else report.title,
        count_of(len(report.rows), "tensor") if report.rows else "",
        _verdict(report, wrong),
        sections,
        template="gradients_page.html.j2",
        style=style(),
        gradcheck=report.to_dict(),
    )


def _verdict(report: Report, wrong: list[Row]) -> list[Line]:
    """Return the first lines: what came of it, what it looks like, and where to look."""
    good = {"pass": True, "fail": False}.get(report.verdict)
    lines = [Line(f"{report.verdict.capitalize()}: {_sentence(report)}.", good)]
    if report.guilty is not None and len(wrong) > 1:
        more = "another tensor is" if len(wrong) == 2 else f"{len(wrong) - 1} more tensors are"
        words = f"Look at {report.guilty} first: {more} wrong, which may follow from it."
        lines.append(Line(words))
    if report.verdict == "unresolved":
        lines.append(
            Line("Nothing is known to be wrong, but nothing was seen to be right either: all "
                 "entries lie on kinks, or are lost in rounding. Another input or seed may help.")
        )  # fmt: skip
    if report.verdict == "pass" and any(row.points for row in report.rows):
        limit = report.describe_limit()
        lines.append(Line(f"{limit[0].upper()}{limit[1:]}."))
    return lines


def _sentence(report: Report) -> str:
    guilty = report.guilty
    if report.mutants is not None or guilty is None or guilty.tensor is None:
        return report.summary()
    why = f"; {report.diagnosis}" if report.diagnosis else ""
    return f"the gradient {gradient_name(guilty.tensor)} of {guilty.layer} is wrong{why}"


def _wrong_rows(report: Report) -> list[Row]:
    """Return the wrong tensors, the guilty one first."""
    guilty = report.guilty
    place = (guilty.layer, guilty.tensor or "-") if guilty else None
    rows = [row for row in report.rows if row.verdict == "fail"]
    return sorted(rows, key=lambda row: row.place != place)


def _wrong_section(row: Row) -> Section:
    """Return what is known of a wrong tensor."""
    name = row.layer if row.tensor == "-" else f"{row.layer}, {row.gradient}"
    diagnosis = row.diagnosis or "wrong, in no way that has a name"
    blocks: list[Block] = [Text(f"{diagnosis[0].upper()}{diagnosis[1:]}.", "why")]
    stages: set[str] = set()
    for finding in row.findings:  # the first of each stage; the others say the same of elsewhere
        if finding.message != diagnosis and finding.stage not in stages:
            blocks.append(Text(f"{STAGES[finding.stage]}: {finding.message}."))
        stages.add(finding.stage)
    account = account_of(row)
    advice = advice_for(row, account.words if account else ())
    blocks.append(Text(f"What to do: {advice}", "advice"))
    point = telling_point(row)
    element = None if point is None else worst_element(point[1])
    if point is not None and element is not None:
        label, tensor = point
        words = (
            f"Worst at [{', '.join(map(str, element.index))}], framed in the maps: backward gives "
            f"{element.analytic:.10g}, forward shows {element.numeric:.10g}; {label}."
        )
        if len(tensor.resolved) < tensor.gradient.size:
            words += " Grey cells were not compared by themselves, or lie on a kink."
        whole, *close = gradient_maps(tensor)
        blocks += [Text(words), Charts(whole)]
        for maps in close:
            blocks += [Text("The part of it that has the worst entry, in numbers:"), Charts(maps)]
        if account is not None:
            blocks.append(Fragment(worked(account)))
    return Section(name, blocks)

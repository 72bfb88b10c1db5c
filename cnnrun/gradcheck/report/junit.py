"""A report as JUnit XML, which build servers read: a test case for every tensor."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.report.rows import MutantResult, Row

__all__ = ["to_junit"]

NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def to_junit(report: Report) -> str:
    """Return the XML document: wrong gradients are failures, uncertain ones are skipped."""
    suite = ElementTree.Element("testsuite", name=f"gradcheck: {_clean(report.title)}")
    for row in report.rows:
        _add_row(suite, row)
    for mutant in report.mutants or []:
        _add_mutant(suite, mutant)
    counts = {
        "tests": len(suite),
        "failures": len(suite.findall("testcase/failure")),
        "skipped": len(suite.findall("testcase/skipped")),
        "errors": 0,
    }
    suites = ElementTree.Element("testsuites", name="cnnrun gradcheck")
    for element in (suites, suite):
        element.attrib.update({key: str(count) for key, count in counts.items()})
        element.set("time", f"{report.spent.seconds:.3f}")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _add_row(suite: ElementTree.Element, row: Row) -> None:
    name = row.gradient if row.tensor != "-" else "contract"
    case = ElementTree.SubElement(suite, "testcase", classname=_clean(row.layer), name=_clean(name))
    figures = row.to_dict()
    if row.verdict == "fail":
        message = row.diagnosis or "the gradient is wrong"
        failure = ElementTree.SubElement(case, "failure", message=_clean(message), type="gradient")
        lines = [finding.message for finding in row.findings]
        lines += [f"{key}: {value}" for key, value in figures.items()]
        failure.text = _clean("\n".join(lines))
    elif row.verdict == "unresolved":
        message = f"no element could be resolved; {figures['kinks']} lie on kinks"
        ElementTree.SubElement(case, "skipped", message=message)


def _add_mutant(suite: ElementTree.Element, mutant: MutantResult) -> None:
    where = f"planted in {mutant.layer}"
    case = ElementTree.SubElement(suite, "testcase", classname=where, name=_clean(mutant.name))
    if not mutant.killed:
        stages = ", ".join(mutant.found_by) or "nothing"
        message = f"meant for the stage {mutant.expected}, found by {stages}"
        ElementTree.SubElement(case, "failure", message=message, type="survivor")


def _clean(text: str) -> str:
    """Return text without the characters that XML has no way to write."""
    return NOT_XML.sub("?", text)

"""The result of a check: a row for every tensor, the verdict on them, and its summary in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from textwrap import shorten
from typing import Any

from cnnrun.errors import GradientError, UnresolvedError
from cnnrun.gradcheck.budget import Cost
from cnnrun.gradcheck.precision import DOUBLE
from cnnrun.gradcheck.report.detection import DetectionLimit, worst_limit
from cnnrun.gradcheck.report.executed import ExecutedResult
from cnnrun.gradcheck.report.findings import NETWORK, Finding
from cnnrun.gradcheck.report.notebook import mutants_to_html, rows_to_html
from cnnrun.gradcheck.report.rows import MutantResult, Row, Verdict, gradient_name

__all__ = ["Guilty", "Report"]

SCHEMA_VERSION = 1
WIDEST_LINE = 200
"""Of what `print(report)` shows; a longer line is cut short."""


@dataclass(frozen=True)
class Guilty:
    """The tensor to look at first: its own gradient is wrong, its upstream gradient is right."""

    layer: str
    tensor: str | None

    def __str__(self) -> str:
        return f"{self.layer}, {gradient_name(self.tensor)}" if self.tensor else self.layer


@dataclass(repr=False)
class Report:
    """The result of a check.

    Attributes:
        title: what was checked, in words.
        rows: the tensors, in the order of the layers.
        findings: every mistake that a law or a convention showed.
        seed: what all random numbers derive from.
        guilty: the layer and tensor to look at; None if all is right.
        diagnosis: what kind of mistake it looks like, in words.
        announced, spent: the cost.
        notes: what else a reader should know.
        executed: what a training step as it runs showed, if one was checked.
        mutants: the results of the self-test, if it was run.
        tolerance: the relative difference from which on an element is wrong.
    """

    title: str
    rows: list[Row]
    findings: list[Finding]
    seed: int
    guilty: Guilty | None
    diagnosis: str | None
    announced: Cost
    spent: Cost
    notes: list[str] = field(default_factory=list)
    executed: ExecutedResult | None = None
    mutants: list[MutantResult] | None = None
    tolerance: float = DOUBLE.tolerance

    @property
    def verdict(self) -> Verdict:
        """`fail` if anything is wrong, `unresolved` if something is not certain, else `pass`."""
        survived = any(not mutant.killed for mutant in self.mutants or [])
        verdicts = {row.verdict for row in self.rows}
        if "fail" in verdicts or survived:
            return "fail"
        if "unresolved" in verdicts or not (self.rows or self.mutants):
            return "unresolved"
        return "pass"

    @property
    def passed(self) -> bool:
        """Whether every gradient is right, and seen to be right."""
        return self.verdict == "pass"

    def raise_if_failed(self) -> None:
        """Raise unless every gradient is right, and seen to be right.

        Raises:
            GradientError: a gradient is wrong.
            UnresolvedError: a tensor has no element whose derivative could be told.
        """
        if self.verdict == "fail":
            raise GradientError(self.summary())
        if self.verdict == "unresolved":
            raise UnresolvedError(self.summary())

    def summary(self) -> str:
        """Return the result in a sentence or two."""
        if self.mutants is not None:
            survivors = [mutant.name for mutant in self.mutants if not mutant.killed]
            killed = f"{len(self.mutants) - len(survivors)} of {len(self.mutants)}"
            end = f"; survivors: {', '.join(survivors)}" if survivors else ""
            return f"{killed} planted mistakes found, each by the stage meant for it{end}"
        if self.verdict == "pass":
            count = f"{len(self.rows)} tensor{'s' * (len(self.rows) != 1)}"
            return f"{count} checked, all gradients are right"
        if self.verdict == "unresolved":
            names = ", ".join(_names(row for row in self.rows if row.verdict == "unresolved"))
            return f"no element of {names or 'any tensor'} with a gradient could be resolved"
        assert self.guilty is not None
        what = "wrong gradient: " if self.guilty.tensor else ""
        return f"{what}{self.guilty}" + (f": {self.diagnosis}" if self.diagnosis else "")

    @property
    def detection_limit(self) -> DetectionLimit | None:
        """The smallest error that would be found in the tensor that is known least."""
        return worst_limit(self.rows)

    def describe_limit(self) -> str:
        """Return which errors a check at this depth would still find, in a sentence."""
        limit = self.detection_limit
        if limit is None:
            return "all gradients are zero by definition: there is no error to find"
        where = f"{limit.layer}, {limit.tensor}"
        return f"would find relative errors from about {limit}; least in {where}"

    def __repr__(self) -> str:
        """Return the essentials: verdict, what was checked, the worst error, limit and cost."""
        lines = [f"gradient check of {self.title}: {self.verdict}", self.summary()]
        if self.rows:
            verdicts = [row.verdict for row in self.rows]
            counts = [f"{verdicts.count(kind)} {kind}" for kind in dict.fromkeys(verdicts)]
            layers = len({row.layer for row in self.rows} - {NETWORK})
            lines.append(f"layers and losses: {layers}; tensors: {', '.join(counts)}")
        if self.guilty:
            lines.append(f"look first at: {self.guilty}")
        worst = max(self.rows, key=lambda row: row.worst_error or 0.0, default=None)
        if worst is not None and worst.worst_error is not None:
            where = f"{worst.layer}, {worst.gradient}"
            lines.append(f"worst relative error: {worst.worst_error:.1e} in {where}")
        if self.verdict == "pass" and self.rows:
            lines.append(self.describe_limit())
        if self.executed is not None:
            lines.append(self.executed.summary())
        if self.notes:
            lines.append(f"notes: {len(self.notes)}, in report.notes")
        cost = f"{self.spent.forward_passes:,} forward passes, {self.spent.seconds:.1f} s"
        lines.append(f"cost: {cost}, seed {self.seed}")
        return "\n".join(shorten(line, WIDEST_LINE, placeholder=" ...") for line in lines)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the summary, and a table with a line for every tensor."""
        if self.mutants is not None:
            return mutants_to_html(self.summary(), self.mutants)
        return rows_to_html(self.title, self.verdict, self.summary(), self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        document: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "subject": self.title,
            "verdict": self.verdict,
            "summary": self.summary(),
            "guilty": asdict(self.guilty) if self.guilty else None,
            "diagnosis": self.diagnosis,
            "seed": self.seed,
            "tolerance": self.tolerance,
            "detection_limit": asdict(limit) if (limit := self.detection_limit) else None,
            "announced": asdict(self.announced),
            "spent": asdict(self.spent),
            "tensors": [row.to_dict() for row in self.rows],
            "findings": [asdict(finding) for finding in self.findings],
            "notes": self.notes,
        }
        if self.executed is not None:
            document["executed"] = self.executed.to_dict()
        if self.mutants is not None:
            document["mutants"] = [asdict(mutant) for mutant in self.mutants]
        return document


def _names(rows: Iterable[Row]) -> list[str]:
    return [f"{row.layer}/{row.tensor}" for row in rows]

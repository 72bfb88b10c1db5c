"""What a check found, tensor by tensor, and the sentence a user reads first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from cnnrun.errors import GradientError, UnresolvedError
from cnnrun.gradcheck.report.findings import Finding
from cnnrun.gradcheck.stages.coverage import Coverage
from cnnrun.gradcheck.stages.elements import TOLERANCE, Tensor

__all__ = ["Cost", "Guilty", "MutantResult", "Report", "Row", "Verdict"]

Verdict = Literal["pass", "fail", "unresolved"]
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Cost:
    """How much work a check is, announced or spent."""

    forward_passes: int
    seconds: float


@dataclass(frozen=True)
class Guilty:
    """The tensor whose gradient is wrong where the gradient that came from behind was right."""

    layer: str
    tensor: str | None


@dataclass(frozen=True)
class MutantResult:
    """A planted mistake, and what became of it.

    Attributes:
        name: the mistake, in words.
        layer: the type it was planted in.
        expected: the stage that is meant to find it.
        killed: whether that stage did.
        stage: that stage, or else the first one that noticed anything.
        found_by: all stages that did.
        guilty: the tensor that was blamed.
        diagnosis: what it was taken for.
    """

    name: str
    layer: str
    expected: str
    killed: bool
    stage: str | None
    found_by: list[str]
    guilty: str | None
    diagnosis: str | None


@dataclass
class Row:
    """One tensor's gradient, over all points at which it was checked.

    Attributes:
        layer, tensor: names. A layer that could not even run has one row with the tensor `-`.
        checked: those of `size` elements, over all points, that were compared one by one.
        points: what was compared, with the label of each point.
        coverages: what whole-tensor directions showed.
        findings: mistakes that laws and conventions showed.
        diagnosis: what kind of mistake it looks like.
    """

    layer: str
    tensor: str
    size: int = 0
    points: list[tuple[str, Tensor]] = field(default_factory=list)
    coverages: list[Coverage] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    diagnosis: str | None = None

    def count(self, *status: str) -> int:
        """Return how many elements have one of these statuses."""
        return sum(len(tensor.of(*status)) for _, tensor in self.points)

    @property
    def verdict(self) -> Verdict:
        """Wrong, or right and seen to be right, or nothing certain."""
        missed = any(coverage.index is not None for coverage in self.coverages)
        if self.findings or self.count("wrong") or missed:
            return "fail"
        return "pass" if any(tensor.has_signal for _, tensor in self.points) else "unresolved"

    @property
    def errors(self) -> list[float]:
        """The relative errors of the resolved elements."""
        return [e.relative_error for _, tensor in self.points for e in tensor.resolved]

    @property
    def worst(self) -> tuple[str, Tensor] | None:
        """The point with the worst element, and its tensor."""
        ranked = [(label, tensor) for label, tensor in self.points if tensor.worst]
        return max(ranked, key=_badness, default=None)

    @property
    def stage(self) -> str | None:
        """The first stage that found the tensor wrong."""
        if self.findings:
            return self.findings[0].stage
        return "elements" if self.verdict == "fail" else None

    def to_dict(self) -> dict[str, Any]:
        """Return the row as a JSON document has it."""
        errors, worst = self.errors, self.worst
        element = worst[1].worst if worst else None
        index: Sequence[int] | None = element.index if element else None
        if self.findings and not self.count("wrong"):
            index = self.findings[0].index or index
        return {
            "layer": self.layer,
            "tensor": self.tensor,
            "elements": self.size,
            "checked": self.count("right", "wrong", "kink", "unresolved"),
            "resolved": self.count("right", "wrong"),
            "wrong": self.count("wrong"),
            "kinks": self.count("kink"),
            "unresolved": self.count("unresolved"),
            "directions": len([c for c in self.coverages if c.resolved]),
            "median_relative_error": _finite(np.median(errors)) if errors else None,
            "p99_relative_error": _finite(np.quantile(errors, 0.99)) if errors else None,
            "worst_relative_error": _finite(max(errors)) if errors else None,
            "worst_index": list(index) if index is not None else None,
            "worst_point": worst[0] if worst else None,
            "analytic": _finite(element.analytic) if element else None,
            "numeric": _finite(element.numeric) if element else None,
            "verdict": self.verdict,
            "stage": self.stage,
            "diagnosis": self.diagnosis,
        }


def _finite(value: float) -> float | None:
    """Return a number as JSON can have it."""
    return float(value) if np.isfinite(value) else None


def _badness(point: tuple[str, Tensor]) -> tuple[bool, float]:
    worst = point[1].worst
    assert worst is not None
    return worst.status == "wrong", worst.relative_error


@dataclass
class Report:
    """The result of a check.

    Attributes:
        subject: what was checked, in words.
        rows: the tensors, in the order of the layers.
        findings: every mistake that a law or a convention showed.
        seed: what all random numbers derive from.
        guilty: the layer and tensor to look at; None if all is right.
        diagnosis: what kind of mistake it looks like, in words.
        announced, spent: the cost.
        notes: what else a reader should know.
        mutants: the results of the self-test, if it was run.
    """

    subject: str
    rows: list[Row]
    findings: list[Finding]
    seed: int
    guilty: Guilty | None
    diagnosis: str | None
    announced: Cost
    spent: Cost
    notes: list[str] = field(default_factory=list)
    mutants: list[MutantResult] | None = None

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

    def raise_for_verdict(self) -> None:
        """Raise if a gradient is wrong or uncertain.

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
        where = self.guilty.layer + (f", d{self.guilty.tensor}" if self.guilty.tensor else "")
        what = "wrong gradient: " if self.guilty.tensor else ""
        return f"{what}{where}" + (f": {self.diagnosis}" if self.diagnosis else "")

    def to_dict(self) -> dict[str, Any]:
        """Return the report as a JSON document."""
        document: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "subject": self.subject,
            "verdict": self.verdict,
            "summary": self.summary(),
            "guilty": asdict(self.guilty) if self.guilty else None,
            "diagnosis": self.diagnosis,
            "seed": self.seed,
            "tolerance": TOLERANCE,
            "announced": asdict(self.announced),
            "spent": asdict(self.spent),
            "tensors": [row.to_dict() for row in self.rows],
            "findings": [asdict(finding) for finding in self.findings],
            "notes": self.notes,
        }
        if self.mutants is not None:
            document["mutants"] = [asdict(mutant) for mutant in self.mutants]
        return document


def _names(rows: Iterable[Row]) -> list[str]:
    return [f"{row.layer}/{row.tensor}" for row in rows]

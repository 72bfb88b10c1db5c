"""What will be checked: points, and what preparing them has shown already."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.report.findings import Finding

__all__ = ["Plan"]


@dataclass
class Plan:
    """Points at which to check, and what preparing them has shown already: mistakes, and notes."""

    points: list[Point] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Plan) -> None:
        """Add the points, findings and notes of another plan."""
        self.points += other.points
        self.findings += other.findings
        self.notes += other.notes

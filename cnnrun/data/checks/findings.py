"""What a check of a data set finds: pairs of images, single ones, files; how serious that is."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["DataCheck", "Finding", "Pair", "PairKind", "Sample", "Severity", "most_serious_first"]

Severity = Literal["error", "warning", "note"]
PairKind = Literal["exact", "near", "turned"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Sample:
    """An image of a split.

    Attributes:
        split: `train`, `val` or `test`, as a training would see them.
        index: its number in the split, from 0.
        label: the name of its class or classes, or its numbers; empty where images are learnt.
        file: its file within the data set, if it has one.
    """

    split: str
    index: int
    label: str
    file: str | None = None

    def __str__(self) -> str:
        return self.file or f"{self.split} {self.index}"


@dataclass(frozen=True)
class Pair:
    """Two images that are one, or nearly.

    Attributes:
        kind: `exact`: the same pixels; `near`: the same picture, moved by a pixel, brighter, noisy,
            compressed; `turned`: that, once it is mirrored or turned.
        first, second: the images; `train` comes before `val`, and that before `test`.
        difference: what remains when one is laid over the other, as a share of the contrast.
        conflict: whether their labels differ, so that one of them is wrong.
    """

    kind: PairKind
    first: Sample
    second: Sample
    difference: float
    conflict: bool

    def __str__(self) -> str:
        sign = {"exact": "=", "near": "~", "turned": "~ turned"}[self.kind]
        labels = self.first.label
        if self.second.label != labels:
            labels = f"{labels} / {self.second.label}"
        differs = "" if self.kind == "exact" else f", difference {self.difference:.3f}"
        about = f"  ({labels}{differs})" if labels else differs.replace(", ", "  ")
        return f"{self.first} {sign} {self.second}{about}"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a data set, or worth knowing.

    Attributes:
        severity: `error` where it makes results wrong, `warning` where it may, else `note`.
        kind: what it is, in a word for programs.
        message: what it is, with the count.
        count: of images, files or classes.
        details: which: pairs, samples, or what words say best.
    """

    severity: Severity
    kind: str
    message: str
    count: int
    details: tuple[Pair | Sample | str, ...] = ()

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs among its details."""
        return tuple(detail for detail in self.details if isinstance(detail, Pair))

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a JSON document."""
        return {
            "severity": self.severity,
            "kind": self.kind,
            "message": self.message,
            "count": self.count,
            "details": [
                detail if isinstance(detail, str) else asdict(detail) for detail in self.details
            ],
        }


@dataclass(frozen=True)
class DataCheck:
    """What was found in a data set.

    Attributes:
        name: what the data set is called.
        samples: by split, how many there are.
        findings: errors first.
        pictured: how many pairs were drawn into the picture that was asked for.
    """

    name: str
    samples: dict[str, int]
    findings: tuple[Finding, ...]
    pictured: int = 0

    @property
    def passed(self) -> bool:
        """Whether there is no error."""
        return not self.counts["error"]

    @property
    def counts(self) -> dict[Severity, int]:
        """By severity, how many findings there are."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    def to_dict(self) -> dict[str, Any]:
        """Return the check as a JSON document."""
        return {
            "name": self.name,
            "samples": self.samples,
            "passed": self.passed,
            "counts": self.counts,
            "findings": [finding.to_dict() for finding in self.findings],
        }


def most_serious_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Return findings with errors first, and else in their order."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))

"""The lines of a report: a tensor's gradient with the verdict on it, or a planted mistake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from cnnrun.documents import finite
from cnnrun.gradcheck.report.findings import NETWORK, Finding
from cnnrun.gradcheck.stages.coverage import Coverage
from cnnrun.gradcheck.stages.elements import Tensor

__all__ = ["MutantResult", "Row", "Verdict", "gradient_name"]

Verdict = Literal["pass", "fail", "unresolved"]


@dataclass
class Row:
    """One tensor's gradient, over all points at which it was checked.

    Attributes:
        layer, tensor: names. A layer that could not even run has one row with the tensor `-`.
        checked: those of `size` elements, over all points, that were compared one by one.
        points: what was compared, with the label of each point.
        coverages: derivatives along random directions, in which the whole tensor moves.
        findings: mistakes that exact laws and conventions showed.
        diagnosis: what kind of mistake it looks like.
        is_zero: whether the gradient is zero by definition, so that nothing else can be seen.
    """

    layer: str
    tensor: str
    size: int = 0
    points: list[tuple[str, Tensor]] = field(default_factory=list, repr=False)
    coverages: list[Coverage] = field(default_factory=list, repr=False)
    findings: list[Finding] = field(default_factory=list)
    diagnosis: str | None = None
    is_zero: bool = False

    @property
    def gradient(self) -> str:
        """The name of the tensor's gradient, `dw` for `w`."""
        return gradient_name(self.tensor)

    @property
    def place(self) -> tuple[str, str]:
        """The layer and tensor meant: a whole network's tensors carry their layers' names."""
        layer, _, tensor = self.tensor.rpartition("/")
        return (layer, tensor) if self.layer == NETWORK and layer else (self.layer, self.tensor)

    def count(self, *status: str) -> int:
        """Return how many elements have one of these statuses."""
        return sum(len(tensor.of(*status)) for _, tensor in self.points)

    @property
    def verdict(self) -> Verdict:
        """`fail` if anything is wrong; `pass` needs a resolved element that is not zero.

        Unless the gradient is zero by definition.
        """
        missed = any(coverage.index is not None for coverage in self.coverages)
        if self.findings or self.count("wrong") or missed:
            return "fail"
        is_seen = self.is_zero or any(tensor.has_signal for _, tensor in self.points)
        return "pass" if is_seen else "unresolved"

    @property
    def errors(self) -> list[float]:
        """The relative errors of the resolved elements."""
        return [e.relative_error for _, tensor in self.points for e in tensor.resolved]

    @property
    def worst_error(self) -> float | None:
        """The largest relative error of a resolved element; None if none was resolved."""
        return max(self.errors, default=None)

    @property
    def worst(self) -> tuple[str, Tensor] | None:
        """The point with the worst element, and its tensor."""
        ranked = [(label, tensor) for label, tensor in self.points if tensor.worst]
        return max(ranked, key=_badness, default=None)

    @property
    def stage(self) -> str | None:
        """The first stage that showed the tensor to be wrong."""
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
            "median_relative_error": finite(np.median(errors)) if errors else None,
            "p99_relative_error": finite(_high_quantile(errors)) if errors else None,
            "worst_relative_error": None if (e := self.worst_error) is None else finite(e),
            "worst_index": list(index) if index is not None else None,
            "worst_point": worst[0] if worst else None,
            "analytic": finite(element.analytic) if element else None,
            "numeric": finite(element.numeric) if element else None,
            "verdict": self.verdict,
            "stage": self.stage,
            "diagnosis": self.diagnosis,
        }


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


def gradient_name(tensor: str) -> str:
    """Return the name of a tensor's gradient: `dw` for `w`, `00_dense/dw` for `00_dense/w`.

    The dash that stands for a layer as a whole stays one.
    """
    path, slash, name = tensor.rpartition("/")
    return tensor if tensor == "-" else f"{path}{slash}d{name}"


def _high_quantile(errors: Sequence[float]) -> float:
    """Return what 99 of 100 errors are below; infinity where many gradients are not finite."""
    with np.errstate(invalid="ignore"):  # between infinity and infinity
        value = float(np.quantile(errors, 0.99))
    return float("inf") if np.isnan(value) else value


def _badness(point: tuple[str, Tensor]) -> tuple[bool, float]:
    worst = point[1].worst
    assert worst is not None
    return worst.status == "wrong", worst.relative_error

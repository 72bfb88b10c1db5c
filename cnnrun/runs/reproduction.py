"""What came of training a run again: a verdict, where the two part, by how much, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.runs.digests import parting_tensors

__all__ = [
    "ACCURACY_TOLERANCE",
    "LOSS_TOLERANCE",
    "START_TOLERANCE",
    "Cause",
    "Reproduction",
    "Verdict",
    "first_parting",
    "metric_differences",
    "tensor_differences",
    "within_tolerance",
]

Verdict = Literal["same", "within tolerance", "different", "cannot tell"]

START_TOLERANCE = 0.05
"""Of the training loss of the first epoch, relative: rounding has not grown yet."""
ACCURACY_TOLERANCE = 0.02
"""Of every share, such as accuracy, at the end."""
LOSS_TOLERANCE = 0.1
"""Of the losses at the end, relative, where there is no accuracy."""

CLOCK = ("kind", "epoch", "step", "seconds", "samples_per_second", "checkpoint", "summary")
"""What an epoch's line has besides figures that repeat."""


@dataclass(frozen=True)
class Cause:
    """Something that is not as it was.

    Attributes:
        kind: `data`, `seed`, `configuration`, `plugin`, `checkpoint`, `log`, `version`, `source`,
            `numpy`, `blas`, `kernel`, `cpu`, ...
        text: what it was, and what it is.
        rounds: it may change how sums are rounded, and nothing else.
    """

    kind: str
    text: str
    rounds: bool = False


@dataclass(frozen=True)
class Reproduction:
    """A run, trained again.

    Attributes:
        run: the name of the one that was to be repeated.
        again: the folder of the new one; None where nothing was trained.
        verdict: `same` to the bit, `within tolerance`, `different` or `cannot tell`.
        causes: what is not as it was, the likeliest cause of a difference first.
        epochs, steps: how far both were compared.
        ended: why the repetition ended before that, if it did.
        first: where they part: `epoch`, `step`, the `tensors`, and the `same_until` step before.
        weights: by tensor, the largest difference of the last weights; none where all are equal.
        best_weights: the same of the best epoch's weights.
        metrics: by figure, the largest difference over the epochs.
        predictions: how test predictions with the best weights differ: `largest`, `samples`, and
            the `classes` that are others; None where they were not compared.
        compared: what was compared, in words.
        reason: why it cannot tell.
    """

    run: str
    again: str | None
    verdict: Verdict
    causes: tuple[Cause, ...] = ()
    epochs: int = 0
    steps: int = 0
    ended: str | None = None
    first: dict[str, Any] | None = None
    weights: dict[str, float] = field(default_factory=dict)
    best_weights: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    predictions: dict[str, Any] | None = None
    compared: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def exit_code(self) -> int:
        """0 for same and within tolerance, 1 for different, 4 where it cannot tell."""
        return {"different": 1, "cannot tell": 4}.get(self.verdict, 0)

    def __repr__(self) -> str:
        return f"<{self.run} again: {self.verdict}>"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a JSON document."""
        return {**asdict(self), "causes": [asdict(cause) for cause in self.causes]}


def first_parting(
    one: Mapping[int, Mapping[str, str]], other: Mapping[int, Mapping[str, str]]
) -> tuple[int | None, int | None, list[str]]:
    """Return the last step at which the digests of both agree, the first at which they do not.

    Then come the tensors that differ there. A step is None where there is none.
    """
    same = None
    for step in sorted(one.keys() & other.keys()):
        if tensors := parting_tensors(one[step], other[step]):
            return same, step, tensors
        same = step
    return same, None, []


def tensor_differences(one: Mapping[str, Array], other: Mapping[str, Array]) -> dict[str, float]:
    """Return by tensor the largest difference, of those that differ; infinite for other shapes."""
    differences = {}
    for name in sorted({**one, **other}):
        a, b = one.get(name), other.get(name)
        if a is None or b is None or a.shape != b.shape:
            differences[name] = float("inf")
        elif a.tobytes() != b.tobytes():
            differences[name] = float(np.abs(a.astype(float) - b).max())
    return differences


def metric_differences(
    one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, float], int | None]:
    """Return by figure the largest difference over the epochs, and the first epoch with any."""
    largest: dict[str, float] = {}
    first = None
    for a, b in zip(one, other, strict=False):
        for key in [key for key in a if key in b and key not in CLOCK and a[key] != b[key]]:
            known = isinstance(a[key], int | float) and isinstance(b[key], int | float)
            difference = abs(a[key] - b[key]) if known else float("inf")
            largest[key] = max(largest.get(key, 0.0), difference)
            first = a["epoch"] if first is None else first
    return largest, first


def within_tolerance(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether two trainings differ no more than rounding that has grown explains.

    Args:
        one: the lines of its epochs, and the figures of its test last, if there are any.
        other: those of the other.
    """
    if not one or not other:
        return False
    if not _close(one[0].get("train_loss"), other[0].get("train_loss"), START_TOLERANCE):
        return False
    for a, b in list(zip(one, other, strict=False))[-2:]:
        known = [key for key in a if key in b and a[key] is not None]
        shares = [key for key in known if key.endswith(("accuracy", "auc"))]
        for key in shares:
            if b[key] is None or abs(a[key] - b[key]) > ACCURACY_TOLERANCE:
                return False
        losses = [] if shares else [key for key in known if key.endswith("loss")]
        if not all(_close(a[key], b[key], LOSS_TOLERANCE) for key in losses):
            return False
    return True


def _close(one: float | None, other: float | None, tolerance: float) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= tolerance * max(abs(one), abs(other))

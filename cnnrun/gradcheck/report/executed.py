"""What a check of one training step showed: how it ran, and how near it came to float64."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cnnrun.documents import finite
from cnnrun.gradcheck.report.findings import Finding

__all__ = ["ExecutedResult", "ExecutedTensor"]


@dataclass(frozen=True)
class ExecutedTensor:
    """One tensor of the step, compared.

    Attributes:
        layer, tensor: names; `y`, `dx`, or a parameter, whose gradient is meant.
        method: of a convolution; None for other layers.
        terms: in the sum behind an element.
        error, tolerance: the largest difference from float64, and the largest allowed.
        largest: absolute value in float64.
    """

    layer: str
    tensor: str
    method: str | None
    terms: float
    error: float = 0.0
    tolerance: float = 0.0
    largest: float = 0.0

    @property
    def is_right(self) -> bool:
        """Whether the difference can be rounding."""
        return self.error <= self.tolerance


@dataclass(frozen=True)
class ExecutedResult:
    """What a training step showed.

    Attributes:
        dtype: of the network.
        samples, shards, workers: how the batch was computed.
        kind: of the workers whose bits were compared with the recorded ones.
        compiled: numba's version where its kernels ran; else None.
        moved: names of the layers that run elsewhere than where they are written.
        seconds: what it took.
        tensors: what was compared.
        findings: what is wrong.
        notes: what could not be compared.
    """

    dtype: str
    samples: int
    shards: int
    workers: int
    kind: str
    compiled: str | None
    moved: tuple[str, ...]
    seconds: float
    tensors: tuple[ExecutedTensor, ...] = field(repr=False)
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return what was run, and how near it came, in a sentence."""
        methods = [t.method for t in self.tensors if t.tensor == "y"]
        parts = [
            f"{self.dtype}, {self.samples} samples in {self.shards} shards on {self.workers} "
            f"{self.kind}",
            *(
                f"{_count(methods.count(name), 'convolution')} by {name}"
                for name in ("columns", "winograd")
                if name in methods
            ),
            f"{_count(len(self.moved), 'layer')} moved" if self.moved else "in the written order",
            f"compiled by numba {self.compiled}" if self.compiled else "NumPy alone",
        ]
        how = ", ".join(parts)
        if self.findings:
            return f"a training step ({how}) differs from float64"
        worst = max((t.error / t.tolerance for t in self.tensors if t.tolerance), default=0.0)
        return (
            f"a training step ({how}) agrees with float64 in {len(self.tensors)} tensors, at most "
            f"{worst:.2g} of what rounding allows"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        document: dict[str, Any] = finite(asdict(self))
        document.pop("findings")  # they stand among those of the other stages
        return {"summary": self.summary(), **document}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

"""Compares a gradient with numerical derivatives, element by element, and says how sure it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.points.probes import Outcome, Probe
from cnnrun.gradcheck.precision import Precision
from cnnrun.gradcheck.stages.differences import Derivative, Line, differentiate

__all__ = ["DOUBT", "Element", "Tensor", "compare", "largest"]

Index = tuple[int, ...]

DOUBT = 30
"""A difference is wrong only if it is so many times the estimated error."""


@dataclass(frozen=True)
class Element:
    """One element of a gradient beside its numerical derivative.

    Attributes:
        index: in the tensor.
        analytic: what backward claims.
        numeric: what forward shows.
        error: of `numeric`, estimated.
        status: `right`, `wrong`, `kink` or `unresolved`.
        relative_error: |analytic - numeric| over the larger of the two; 0 if both are 0.
    """

    index: Index
    analytic: float
    numeric: float
    error: float
    status: str
    relative_error: float


@dataclass
class Tensor:
    """All elements of one tensor that were checked at one point.

    Attributes:
        probe, name: what was checked.
        gradient: what backward claims, the whole tensor.
        upstream: for which upstream gradient.
        elements: those compared.
        passes: how many forward passes it took.
    """

    probe: Probe
    name: str
    gradient: Array = field(repr=False)
    upstream: Array = field(repr=False)
    elements: list[Element] = field(default_factory=list, repr=False)
    passes: int = 0

    def of(self, *status: str) -> list[Element]:
        """Return the elements with one of these statuses."""
        return [element for element in self.elements if element.status in status]

    @property
    def resolved(self) -> list[Element]:
        """The elements whose derivative is known."""
        return self.of("right", "wrong")

    @property
    def has_signal(self) -> bool:
        """Whether a resolved element is not zero, without which nothing is certain."""
        return any(element.analytic or element.numeric for element in self.resolved)

    @property
    def worst(self) -> Element | None:
        """The resolved element with the largest relative error, the wrong ones first."""
        ranked = self.of("wrong") or self.resolved
        return max(ranked, key=lambda element: element.relative_error, default=None)

    @property
    def numeric(self) -> Array:
        """The numerical derivatives in the tensor's shape; NaN where there is none."""
        derivatives = np.full(self.gradient.shape, np.nan)
        for element in self.resolved:
            derivatives[element.index] = element.numeric
        return derivatives


def compare(
    probe: Probe,
    name: str,
    indices: Sequence[Index],
    upstreams: Sequence[Array],
    gradients: Sequence[dict[str, Array]],
    base: Outcome,
) -> Tensor:
    """Return the elements at `indices` of the tensor `name`, compared.

    Of the upstream gradients the one is kept under which most elements are wrong.

    Args:
        probe: what is checked.
        name: the tensor.
        indices: of its elements.
        upstreams: random upstream gradients, shaped like the outputs.
        gradients: what backward gives for each of them.
        base: the outcome at the present point.
    """
    precision = probe.precision
    lines = [Line(probe, name, index) for index in indices]
    probe.prepare(lambda: [differentiate(line, base, upstreams) for line in lines])
    derivatives: list[Derivative] = []
    passes = 0
    for line in lines:
        line.passes = 0
        derivatives.append(differentiate(line, base, upstreams))
        passes += line.passes
    # Rounding errs alike in all elements: one whose own estimate came out small takes the median.
    typical = np.median([d.error * d.step for d in derivatives], axis=0)
    tensors = []
    for k, (upstream, gradient) in enumerate(zip(upstreams, gradients, strict=True)):
        tensor = Tensor(probe, name, gradient[name], upstream, passes=passes)
        rounding = 50 * precision.claimed * largest([gradient[name]])
        vanishing = precision.vanishing * largest(gradient.values())
        for index, derivative in zip(indices, derivatives, strict=True):
            value, error = float(derivative.value[k]), float(derivative.error[k])
            error = max(error, float(typical[k]) / derivative.step)
            claim = float(gradient[name][index])
            is_kink = derivative.has_kink
            tensor.elements.append(
                _element(index, claim, value, error + rounding, is_kink, vanishing, precision)
            )
        tensors.append(tensor)
    return max(tensors, key=lambda tensor: (len(tensor.of("wrong")), len(tensor.resolved)))


def largest(gradients: Iterable[Array]) -> float:
    """Return the size of the largest finite value in all of these gradients."""
    return max(
        (
            float(np.max(np.abs(gradient), where=np.isfinite(gradient), initial=0))
            for gradient in gradients
        ),
        default=0.0,
    )


def _element(
    index: Index,
    analytic: float,
    numeric: float,
    error: float,
    kink: bool,
    vanishing: float,
    precision: Precision,
) -> Element:
    """Return one comparison with its status; what is below `vanishing` is rounding."""
    size = max(abs(analytic), abs(numeric))
    difference = abs(analytic - numeric)
    relative = difference / size if size else 0.0
    if kink:
        status = "kink"
    elif 0 < size <= vanishing:
        status = "unresolved"
    elif not np.isfinite(analytic) or difference > precision.tolerance * size + DOUBT * error:
        status, relative = "wrong", relative if np.isfinite(relative) else float("inf")
    elif size == 0 or error <= precision.resolution * size:
        status = "right"
    else:
        status = "unresolved"
    return Element(index, analytic, numeric, error, status, relative)

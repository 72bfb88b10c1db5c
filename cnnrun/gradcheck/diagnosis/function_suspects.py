"""Mistakes of any function: slopes, exchanged gradients, penalties, labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.evidence import Evidence
from cnnrun.gradcheck.stages.differences import Line, differentiate

__all__ = ["exchanged", "labels", "penalty", "slope"]

SAME_SLOPE = 1e-6


def slope(evidence: Evidence) -> str | None:
    """A function of each number alone, multiplied by another slope than its own."""
    claimed, right, dy = evidence.claimed, evidence.right, evidence.upstream
    if claimed.shape != dy.shape or not evidence.known.all() or not dy.all():
        return None
    x, y = evidence.values, evidence.probe.forward().y
    if y.shape != x.shape:
        return None
    for text, wrong in _slopes(x, y, right / dy):
        if np.isfinite(wrong).all() and evidence.explains(wrong * dy):
            return text
    return None


def _slopes(x: Array, y: Array, right: Array) -> Iterator[tuple[str, Array]]:
    """Yield what the slope would be with each mistake, in words."""

    def is_right(form: Array) -> bool:
        return bool(np.allclose(right, form, rtol=0, atol=SAME_SLOPE * np.max(np.abs(right))))

    if is_right(y * (1 - y)):
        yield "y(1 - y) is taken of x rather than of the output y", x * (1 - x)
        yield "the factor 1 - y of the slope y(1 - y) is missing", y
        yield "the factor y of the slope y(1 - y) is missing", 1 - y
    if is_right(1 - y**2):
        yield "1 - y^2 is taken of x rather than of the output y", 1 - x**2
        yield "the square in 1 - y^2 is missing", 1 - y
        yield "tanh is taken of the output, which is a tanh already: twice", 1 - np.tanh(y) ** 2
        yield "1 - in 1 - y^2 is missing", y**2
    yield "it is multiplied by x itself", right * x
    yield "it is multiplied by the output y", right * y
    yield "the slope is multiplied twice", right**2
    with np.errstate(all="ignore"):
        yield "it is divided by the slope, not multiplied", 1 / right
    values = np.unique(np.round(right, 6))
    if len(values) == 2:
        low, high = float(right.min()), float(right.max())
        yield (
            f"the slopes of the two sides, {low:.4g} and {high:.4g}, change places",
            (low + high - right),
        )


def penalty(evidence: Evidence) -> str | None:
    """Off by a multiple of the tensor itself, as where a regularisation term is wrong."""
    values, off = evidence.values, evidence.claimed - evidence.right
    size = float(np.sum(values**2))
    if not evidence.known.all() or values.size < 2 or not size:
        return None
    factor = float(np.sum(off * values)) / size
    if factor and evidence.explains(evidence.right + factor * values):
        name = evidence.tensor.name
        way = "too much" if factor > 0 else "is missing"
        return (
            f"{abs(factor):.4g} times {name} itself {way} in d{name}: a regularisation term, as of "
            f"the penalty lambda {name}^2"
        )
    return None


def exchanged(evidence: Evidence) -> str | None:
    """The gradient of another tensor of the same shape, as where they are returned in turn."""
    probe, name = evidence.probe, evidence.tensor.name
    for other, array in probe.values.items():
        if other == name or array.shape != evidence.claimed.shape or not evidence.is_small:
            continue
        base, upstreams = probe.forward(), [evidence.upstream]
        suspected = np.array(
            [
                float(differentiate(Line(probe, other, tuple(index)), base, upstreams).value[0])
                for index in np.ndindex(*array.shape)
            ]
        )
        if evidence.explains(suspected.reshape(array.shape)):
            return f"it is d{other}: the order of d{name} and d{other} is exchanged"
    return None


def labels(evidence: Evidence) -> str | None:
    """Wrong at the entry of each sample's label alone, or at all but these."""
    if evidence.claimed.ndim != 2:
        return None
    inputs = getattr(evidence.probe, "inputs", {})
    wrong = evidence.known & (
        np.abs(evidence.claimed - evidence.right) > evidence.told_apart * evidence.scale
    )
    samples, classes = evidence.claimed.shape
    for name, array in inputs.items():
        if array.dtype.kind not in "iu" or array.shape != (samples,):
            continue
        if array.min() < 0 or array.max() >= classes:
            continue
        at_label = np.zeros(wrong.shape, bool)
        at_label[np.arange(samples), array] = True
        if np.array_equal(wrong, at_label):
            return (
                f"only the entry of each sample's label in {name} is wrong: what belongs to the "
                "target, such as the 1 that is subtracted from its probability"
            )
        if np.array_equal(wrong, ~at_label):
            return f"all but the entry of each sample's label in {name} is wrong"
    return None

"""Mistakes in the backward pass of layers that normalise, whatever they are called.

With g = gamma dy and means over what forward normalises, of N values each:

    dx = (g - mean(g) - h mean(g h)) / deviation

where the last mean is divided by N - 1 if the variance is.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrun.engine.types import Array, Shape
from cnnrun.gradcheck.diagnosis.evidence import Evidence
from cnnrun.gradcheck.diagnosis.normalisation import (
    Grouping,
    Normalisation,
    groupings,
    read_normalisation,
)
from cnnrun.gradcheck.points.probes import LayerProbe

__all__ = ["normalisation"]

Suspect = tuple[str, Array]


def normalisation(evidence: Evidence) -> str | None:
    """A term left out, a wrong count, gamma or epsilon forgotten, means over the wrong axes."""
    probe, name = evidence.probe, evidence.tensor.name
    if not probe.is_linear:
        return None
    norm = read_normalisation(probe)
    if norm is None or evidence.upstream.shape != norm.h.shape:
        return None
    if name == probe.main:
        right = _chain(norm, norm.scale * evidence.upstream)
        if not evidence.is_near_truth(right):
            return None  # the deviation does not depend on x
        ways = groupings(evidence.upstream.shape, is_ours=isinstance(probe, LayerProbe))
        suspects = _of_x(norm, evidence.upstream, ways)
    elif name in (norm.gamma, norm.beta):
        suspects = _of_parameter(norm, evidence, is_gamma=name == norm.gamma)
    else:
        return None
    return next((text for text, gradient in suspects if evidence.explains(gradient)), None)


def _chain(
    norm: Normalisation,
    g: Array,
    *,
    over: Grouping | None = None,
    inverse: Array | None = None,
    mean: float = 1,
    variance: float = 1,
    corrected: bool | None = None,
) -> Array:
    """Return dx by the chain rule, with something else in one place.

    Args:
        norm: how forward normalises.
        g: gamma dy.
        over: what means are taken over.
        inverse: used instead of forward's 1 / deviation.
        mean: times the term that comes through the mean.
        variance: times the term that comes through the variance.
        corrected: whether that is divided by N - 1.
    """
    over = over or norm.grouping
    inverse = norm.inverse if inverse is None else inverse
    factor = norm.factor(corrected=norm.corrected if corrected is None else corrected)
    h = norm.centred * inverse
    through_variance = variance * factor * h * over.mean(g * h)
    return np.asarray(inverse * (g - mean * over.mean(g) - through_variance))


def _of_x(norm: Normalisation, dy: Array, ways: Iterator[Grouping]) -> Iterator[Suspect]:
    """Yield what dx would be with each mistake."""
    g, own = norm.scale * dy, norm.grouping
    count = own.count
    undivided = count / norm.factor(corrected=norm.corrected)
    yield "the term of the mean is missing: it depends on x too", _chain(norm, g, mean=0)
    yield "the term of the variance is missing: it depends on x too", _chain(norm, g, variance=0)
    yield (
        "mean and variance are taken as constants, but they depend on x",
        _chain(norm, g, mean=0, variance=0),
    )
    if norm.gamma:
        yield f"{norm.gamma} is missing", _chain(norm, dy)
        yield (
            f"{norm.gamma} stands outside the means, but it differs within them",
            norm.scale * _chain(norm, dy),
        )
    here, there = ("N", "N - 1") if norm.corrected else ("N - 1", "N")
    yield (
        f"the term of the variance is divided by {here}, forward divides by {there}; N = {count}",
        _chain(norm, g, corrected=not norm.corrected),
    )
    deviation = np.sqrt(norm.variance)
    yield "epsilon is left out of the deviation", _chain(norm, g, inverse=1 / deviation)
    yield (
        "epsilon is left out of the deviation",
        _chain(norm, g) / (norm.inverse * deviation),
    )
    yield (
        "epsilon is added to the deviation, in forward to the variance",
        _chain(norm, g, inverse=1 / (deviation + norm.epsilon)),
    )
    yield (
        f"sums over {own.words}, {count} values, stand where means should",
        _chain(norm, g, mean=count, variance=undivided),
    )
    yield f"the term of the mean is not divided by {count}", _chain(norm, g, mean=count)
    yield (
        f"the term of the variance is not divided by {undivided:g}",
        _chain(norm, g, variance=undivided),
    )
    yield "the term of the mean has the wrong sign", _chain(norm, g, mean=-1)
    yield "the term of the variance has the wrong sign", _chain(norm, g, variance=-1)
    yield "the division by the deviation is missing", _chain(norm, g) / norm.inverse
    yield "it is divided by the deviation twice", _chain(norm, g) * norm.inverse
    for other in ways:
        yield (
            f"the means are taken over {other.words}, in forward over {own.words}",
            _chain(norm, g, over=other),
        )


def _of_parameter(norm: Normalisation, evidence: Evidence, *, is_gamma: bool) -> Iterator[Suspect]:
    """Yield what gamma's or beta's gradient would be with each mistake."""
    dy, h, shape = evidence.upstream, norm.h, evidence.claimed.shape
    right = _sum_to(dy * h if is_gamma else dy, shape)
    if right is None or not evidence.is_near_truth(right):
        return  # it is not spread over x as NumPy spreads
    if is_gamma:
        products = {
            "it is of x, not of the normalised h": evidence.probe.values[evidence.probe.main],
            "it is of x - mean: the division by the deviation is missing": norm.centred,
            "it is of y, not of the normalised h": evidence.probe.forward().y,
            "h is missing: it is the gradient of a shift": np.ones(h.shape),
            f"{norm.gamma} itself is in it": norm.scale * h,
            "epsilon is left out of the deviation": norm.centred / np.sqrt(norm.variance),
        }
    else:
        products = {
            f"{norm.gamma} is in it, but the shift comes after that": norm.scale,
            "h is in it: it is the gradient of a scale": h,
        }
    for text, product in products.items():
        summed = _sum_to(dy * product, shape)
        if summed is not None:
            yield text, summed


def _sum_to(values: Array, shape: Shape) -> Array | None:
    """Return values summed over the axes along which an array of `shape` is spread."""
    padded = (1,) * (values.ndim - len(shape)) + tuple(shape)
    if len(padded) != values.ndim or any(
        n not in (1, m) for n, m in zip(padded, values.shape, strict=True)
    ):
        return None
    axes = tuple(axis for axis, length in enumerate(padded) if length == 1)
    return np.asarray(values.sum(axis=axes, keepdims=True).reshape(shape))

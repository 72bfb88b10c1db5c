"""Names the kind of mistake behind a wrong gradient, where it looks like a well-known one.

Each suspect computes what backward would give if that mistake had been made, and compares. The
Jacobian it needs is measured on the forward pass, which is trusted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnrun.gradcheck.diagnosis import function_suspects, layer_suspects
from cnnrun.gradcheck.diagnosis.evidence import NEARER, SAME, Evidence
from cnnrun.gradcheck.diagnosis.norm_suspects import normalisation
from cnnrun.gradcheck.diagnosis.patterns import name_pattern
from cnnrun.gradcheck.diagnosis.ratios import constant_ratio
from cnnrun.gradcheck.stages.elements import Tensor

__all__ = ["diagnose"]


@np.errstate(all="ignore")  # a suspect need not be finite
def diagnose(tensor: Tensor) -> str | None:
    """Return what kind of mistake a wrong gradient looks like, or None where it fits none."""
    evidence = Evidence(tensor)
    for suspect in SUSPECTS:
        try:
            named = suspect(evidence)
        except Exception:  # it runs a layer at values that this may refuse
            continue
        if named:
            return named
    sure = np.where(evidence.sure, evidence.right, np.nan)
    return name_pattern(
        evidence.claimed,
        sure,
        tensor.name,
        tolerance=evidence.told_apart,
        gap=1 / NEARER if evidence.is_small_error else 0.0,
    )


def _all_zero(evidence: Evidence) -> str | None:
    if not evidence.claimed.any():
        return f"d{evidence.tensor.name} is all zero"
    return None


def _masked_error(evidence: Evidence) -> str | None:
    """Guided backpropagation, and only the diagonal of the Jacobian."""
    size = np.abs(evidence.upstream)
    negative, positive = (evidence.probe.backward(g)[evidence.tensor.name] for g in (-size, size))
    if not negative.any() and positive.any():
        return "the error is masked where the upstream gradient is negative, as in guided backprop"
    if not evidence.is_small:
        return None
    count = evidence.claimed.size
    terms = evidence.terms.reshape(count, -1)
    if terms.shape == (count, count) and evidence.explains(
        np.diagonal(terms).reshape(evidence.claimed.shape)
    ):
        return (
            "only what each element does to its own output: the coupling with the others is missing"
        )
    if evidence.claimed.shape == evidence.upstream.shape and evidence.known.all():
        if evidence.explains(evidence.upstream - evidence.right):
            return (
                "the error passes where it should stop, and stops where it should pass: the mask "
                "of what was active is inverted"
            )
        if evidence.explains(evidence.upstream):
            slopes = np.unique(np.round(evidence.right / evidence.upstream, 6))
            mask = ", the mask of what was active" if set(slopes) <= {0.0, 1.0} else ""
            return f"dx is dy: the layer's own derivative is missing{mask}"
    return None


def _assigned(evidence: Evidence) -> str | None:
    """Assigned where contributions should have been added up."""
    if not evidence.is_small:
        return None
    terms = evidence.terms
    size = evidence.claimed.size
    axes = [("samples", terms.sum(axis=tuple(range(2, terms.ndim))))]
    if terms.ndim > 3:
        axes.append(("windows", terms.sum(axis=-1).reshape(size, -1)))
        axes.append(("positions", terms.sum(axis=-1)[:, -1].reshape(size, -1)))
    for what, parts in axes:
        several = (parts != 0).sum(axis=1) > 1
        if not several.any():
            continue
        for which, columns in (("last", range(parts.shape[1])[::-1]), ("first", None)):
            order = list(columns) if columns is not None else list(range(parts.shape[1]))
            first = (parts[:, order] != 0).argmax(axis=1)
            single = parts[np.arange(size), np.array(order)[first]]
            if evidence.explains(single.reshape(evidence.claimed.shape)):
                return (
                    f"assigned instead of accumulated: only the {which} of several {what} "
                    "is left in each element"
                )
    return None


def _shifted(evidence: Evidence) -> str | None:
    """All right, but in the wrong place."""
    claimed, right = evidence.claimed, evidence.right
    if claimed.ndim != 4 or not evidence.known.all():
        return None
    first = 1 if evidence.tensor.name == "x" else 0
    for rows, columns in np.ndindex(5, 5):
        shift = (rows - 2, columns - 2)
        pieces = [slice(None)] * 4, [slice(None)] * 4
        for axis, by in zip((first, first + 1), shift, strict=True):
            pieces[0][axis] = slice(max(0, by), claimed.shape[axis] + min(0, by))
            pieces[1][axis] = slice(max(0, -by), claimed.shape[axis] + min(0, -by))
        a, b = claimed[tuple(pieces[0])], right[tuple(pieces[1])]
        overlaps = a.size >= claimed.size // 4 and a.size > 1
        off = np.max(np.abs(a - right[tuple(pieces[0])]), initial=0)
        near = min(SAME * evidence.scale, NEARER * off)
        if any(shift) and overlaps and np.max(np.abs(a - b), initial=0) <= near:
            return (
                f"shifted by {shift[0]} rows and {shift[1]} columns: as if padding were not cropped"
            )
    return None


SUSPECTS: tuple[Callable[[Evidence], str | None], ...] = (
    _all_zero,
    constant_ratio,
    layer_suspects.filter_turned,
    _masked_error,
    layer_suspects.geometry,
    normalisation,
    layer_suspects.window,
    function_suspects.slope,
    function_suspects.penalty,
    function_suspects.labels,
    _assigned,
    _shifted,
    function_suspects.exchanged,
)

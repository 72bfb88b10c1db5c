"""Says where in a tensor the wrong elements lie, and by how much they are off."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.evidence import NEARER, SAME

__all__ = ["name_pattern"]

AXES = {
    "x": {4: ("sample", "row", "column", "channel"), 2: ("sample", "unit")},
    "w": {4: ("tap row", "tap column", "input channel", "filter"), 2: ("input", "unit")},
}


def name_pattern(
    claimed: Array, right: Array, name: str, *, tolerance: float, gap: float = 0.0
) -> str | None:
    """Return where `claimed` is wrong and how, in words; None if it is wrong all over.

    Args:
        claimed: what backward gives.
        right: the numerical derivatives; NaN where they are not known.
        name: of the tensor, for the names of its axes.
        tolerance: the relative error from which on an element is wrong.
        gap: how many times larger the errors of the wrong elements must be than all others.
    """
    known = np.isfinite(right)
    size = np.maximum(np.abs(claimed), np.abs(right))
    difference = np.abs(claimed - right)
    wrong = known & ~(difference <= tolerance * size)
    count, of = int(wrong.sum()), int(known.sum())
    if not count or count == of:
        return None
    relative = difference / np.where(size > 0, size, 1)
    if relative[wrong].min() < gap * relative[known & ~wrong].max():
        return None
    how = _how(claimed[wrong], right[wrong])
    names = _axis_names(claimed, name)
    indices = np.argwhere(wrong)
    border = _on_border(wrong, claimed, names)
    if count == 1:
        place = ", ".join(f"{axis} {i}" for axis, i in zip(names, indices[0], strict=True))
        edge = " on the border" if border else ""
        return f"one element{edge} is {how}: {place}"
    for axis, axis_name in enumerate(names):
        places = set(indices[:, axis].tolist())
        whole = known & np.isin(np.arange(claimed.shape[axis]), list(places)).reshape(
            [-1 if other == axis else 1 for other in range(claimed.ndim)]
        )
        if len(places) == 1 and count >= 0.6 * (whole & (size > 0)).sum():
            index = places.pop()
            last = claimed.shape[axis] - 1
            where = {0: "the first", last: "the last"}.get(index)
            label = f"{where} {axis_name}" if where else f"{axis_name} {index}"
            return f"{label} is {how}: all {count} elements there"
    if claimed.ndim == 4 and name.rpartition("/")[2] == "w":
        taps = {(int(i), int(j)) for i, j, *_ in indices}
        if len(taps) == 1:
            return f"the filter tap {taps.pop()} is {how}, in {count} of its values"
    if border:
        return f"the border is {how}, what lies inside is right: {count} of {of} elements"
    return f"{count} of {of} elements are {how}, the others are right"


def _how(claimed: Array, right: Array) -> str:
    """Return how the wrong elements differ, in words."""
    if not claimed.any():
        return "zero" if len(claimed) > 1 else "set to zero"
    if not right.any():
        return "not zero where it should be"
    if right.all():
        ratios = claimed / right
        ratio = float(np.median(ratios))
        if np.max(np.abs(ratios - ratio)) <= min(SAME * abs(ratio), NEARER * abs(ratio - 1)):
            percent = 100 * (ratio - 1)
            if abs(percent) < 50:
                return f"{abs(percent):.3g}% too {'large' if percent > 0 else 'small'}"
            return f"off by a factor {ratio:.6g}"
        if (np.abs(ratios) < 1).all() and (ratios > 0).all():
            return "too small"
        if (ratios > 1).all():
            return "too large"
    return "wrong"


def _axis_names(array: Array, name: str) -> tuple[str, ...]:
    short = name.rpartition("/")[2]
    default = tuple(f"axis {axis}:" for axis in range(array.ndim))
    return AXES.get(short, {}).get(array.ndim, default)


def _on_border(wrong: Array, array: Array, names: tuple[str, ...]) -> bool:
    """Return whether all wrong elements lie on the outermost rows and columns of an image."""
    axes = [axis for axis, name in enumerate(names) if name in ("row", "column")]
    if not axes or min(array.shape[axis] for axis in axes) < 3:
        return False
    border = np.zeros(array.shape, bool)
    for axis in axes:
        index: list[slice | int] = [slice(None)] * array.ndim
        for end in (0, -1):
            index[axis] = end
            border[tuple(index)] = True
    return not (wrong & ~border).any()

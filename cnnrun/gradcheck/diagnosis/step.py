"""Says what is wrong with a tensor of a training step: where, by how much, and in which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.executed import ExecutedTensor

__all__ = ["Difference", "describe_difference", "largest_difference"]


@dataclass(frozen=True)
class Difference:
    """The largest difference between arrays: in which part, and at which index of it."""

    value: float
    part: int = 0
    index: tuple[int, ...] = ()


def largest_difference(claimed: Sequence[Array], right: Sequence[Array]) -> Difference:
    """Return where the parts of a tensor differ most; infinity where shapes differ or NaN is."""
    worst = Difference(0.0, 0, (0,) * right[0].ndim)
    for part, (one, other) in enumerate(zip(claimed, right, strict=True)):
        if one.shape != other.shape:
            return Difference(np.inf, part, ())
        difference = np.abs(one - other)
        difference[~np.isfinite(difference)] = np.inf
        if difference.size and difference.max() > worst.value:
            index = np.unravel_index(int(difference.argmax()), difference.shape)
            worst = Difference(float(difference.max()), part, tuple(map(int, index)))
    return worst


def describe_difference(
    compared: ExecutedTensor,
    claimed: Sequence[Array],
    right: Sequence[Array],
    shares: Sequence[Array],
) -> str:
    """Return what is wrong with a tensor of a training step, in a sentence.

    Args:
        compared: the tensor.
        claimed: what the step gave, in parts.
        right: what float64 gives.
        shares: what each shard should add to it, where it is a sum over the shards.
    """
    tensor = compared.tensor if compared.tensor in ("y", "dx") else f"d{compared.tensor}"
    how = f" by {compared.method}" if compared.method else ""
    where, dtype = largest_difference(claimed, right), claimed[0].dtype
    if claimed[where.part].shape != right[where.part].shape:
        return f"{tensor}{how} has shape {claimed[where.part].shape} in a {dtype} training step"
    sentence = (
        f"in a {dtype} training step {tensor}{how} is {claimed[where.part][where.index]:.8g} at "
        f"{list(where.index)}, where float64 gives {right[where.part][where.index]:.8g}: off by "
        f"{compared.error:.2g}, while the rounding of sums of {compared.terms:,.0f} terms allows "
        f"{compared.tolerance:.2g}"
    )
    pattern = _pattern(compared, claimed[0].ravel(), right[0].ravel(), [s.ravel() for s in shares])
    return sentence + pattern


def _pattern(
    compared: ExecutedTensor, claimed: Array, right: Array, shares: Sequence[Array]
) -> str:
    """Return in which way a tensor is wrong, if it can be told."""
    if claimed.shape != right.shape or not np.isfinite(claimed).all() or not right.any():
        return ""
    room = min(4 * compared.tolerance, 0.1 * compared.error)  # far nearer than the truth is
    ratio = float(claimed @ right / (right @ right))
    if np.allclose(claimed, ratio * right, rtol=0, atol=room):
        return f"; all of it is {ratio:.5g} times what it should be"
    if len(shares) > 1 and shares[0].shape == claimed.shape:
        counts, *_ = np.linalg.lstsq(np.stack(shares, 1), claimed.astype(np.float64), rcond=None)
        if np.allclose(np.stack(shares, 1) @ counts, claimed, rtol=0, atol=room):
            said = ", ".join(f"shard {n} {count:.3g} times" for n, count in enumerate(counts))
            return f"; it holds {said}"
    return ""

"""Holds what a program has written against what was asked of it, and says what to change."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnrun.engine.types import Array, Shape
from cnnrun.errors import shortened
from cnnrun.foreign.function import FaultError

__all__ = ["gradients_in", "outputs_in", "require_same"]

SAME = 1e-12
"""Of the largest value: two runs that add in another order differ by less."""


def outputs_in(program: str, written: Mapping[str, Array], points: int) -> dict[str, Array]:
    """Return the outputs `(points, ...)` among the arrays that a program wrote.

    Raises:
        FaultError: there are none, or they have another dtype or first axis.
    """
    names = _output_names(written)
    if not names:
        raise FaultError(
            f"{program} wrote {_listed(written)}: there is no y; write the output under that name, "
            "or several as y0, y1, ..."
        )
    for name in names:
        array = written[name]
        if array.dtype != np.float64:
            raise FaultError(
                f"{program} writes {name} as {array.dtype}: compute and write float64, for "
                "numerical derivatives need its digits"
            )
        if array.ndim < 1 or len(array) != points:
            raise FaultError(
                f"{program} writes {name} of shape {array.shape} for {_points(points)}: its "
                f"first axis has to be the points, as that of the inputs is, here {points}"
            )
    return {name: written[name] for name in names}


def gradients_in(
    program: str, written: Mapping[str, Array], shapes: Mapping[str, Shape]
) -> dict[str, Array]:
    """Return the gradients `(points, ...)` by input; the shape at one point is checked elsewhere.

    Args:
        program: its name.
        written: the arrays that it wrote.
        shapes: of the inputs that have a gradient, with the axis of the points.

    Raises:
        FaultError: one is missing, or lacks the axis of the points.
    """
    gradients = {}
    for name, shape in shapes.items():
        gradient = written.get(f"d{name}")
        if gradient is None:
            raise FaultError(
                f"{program} was given dy and wrote {_listed(written)}: there is no d{name}; "
                f"write it, or say --no-gradient {name}",
                name,
            )
        if gradient.ndim < 1 or len(gradient) != shape[0]:
            raise FaultError(
                f"{program} writes d{name} of shape {gradient.shape}; as {name} comes in, "
                f"{shape}, its first axis has to be the points, here {shape[0]}",
                name,
            )
        gradients[name] = gradient
    return gradients


def require_same(
    program: str,
    first: Mapping[str, Array],
    again: Mapping[str, Array],
    beside: Mapping[str, Array],
    *,
    are_gradients: bool,
) -> None:
    """Hold three answers to one question against each other.

    Args:
        program: its name.
        first: what it gave at a point.
        again: what it gave there when it was started again.
        beside: what it gave in that start for a second point with the same numbers.
        are_gradients: by the input's name; otherwise they are outputs by their own.

    Raises:
        FaultError: they differ by more than the order of sums can do.
    """
    for name, array in first.items():
        tensor = name if are_gradients else None
        own = f"d{name}" if are_gradients else name
        if not _alike(array, again.get(name)):
            raise FaultError(
                f"{program} writes another {own} when it is started again on the same numbers: it "
                "is random, or reads memory that was never written; hand in the mask or a seed, "
                "and set arrays to zero before adding to them",
                tensor,
            )
        if not _alike(array, beside.get(name)):
            raise FaultError(
                f"{program} writes another {own} for a point that comes second in the file than "
                "where it is alone: set sums to zero at each point, and step from one point to "
                "the next by the size of an array without its first axis",
                tensor,
            )


def _output_names(written: Mapping[str, Array]) -> list[str]:
    """Return `y`, or `y0`, `y1`, ... as far as they go without a gap."""
    if "y" in written:
        return ["y"]
    names: list[str] = []
    while f"y{len(names)}" in written:
        names.append(f"y{len(names)}")
    return names


def _alike(one: Array, other: Array | None) -> bool:
    if other is None or one.shape != other.shape:
        return False
    if one.dtype.kind != "f" or other.dtype.kind != "f":
        return np.array_equal(one, other)
    size = float(np.max(np.abs(one), where=np.isfinite(one), initial=0))
    return np.allclose(one, other, rtol=0, atol=SAME * size, equal_nan=True)


def _listed(written: Mapping[str, Array]) -> str:
    return shortened(", ".join(written), 80) if written else "no array"


def _points(count: int) -> str:
    return f"{count} point{'s' * (count != 1)}"

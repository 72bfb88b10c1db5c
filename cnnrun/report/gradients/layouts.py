"""Arrays of somebody else's functions, whose channels may stand first, in the engine's order."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.types import Array, Shape
from cnnrun.gradcheck.points.probes import LayerProbe, LossProbe, Probe, TailProbe

__all__ = ["from_engine", "is_weights", "output_axes", "to_engine"]

WEIGHTS = ("w", "weight", "weights", "kernel", "filter", "filters")
AXES = {
    4: ("sample", "output row", "output column", "output channel"),
    2: ("sample", "output"),
    1: ("output",),
}


def is_weights(name: str) -> bool:
    """Return whether a tensor holds weights, by its name."""
    return name.rpartition("/")[2].lower() in WEIGHTS


def to_engine(probe: Probe, name: str, array: Array) -> Array:
    """Return an array with images as `(N, H, W, C)` and filters as `(KH, KW, C, F)`.

    A probe's `layout` says `NHWC` or `NCHW`; functions without one have channels first, as most do.

    Args:
        probe: whose array it is.
        name: of the tensor; `y` for outputs.
        array: or anything in its shape.
    """
    if np.ndim(array) != 4 or not _has_channels_first(probe):
        return array
    return array.transpose(2, 3, 1, 0) if is_weights(name) else array.transpose(0, 2, 3, 1)


def from_engine(probe: Probe, name: str, shape: Shape, index: tuple[int, ...]) -> tuple[int, ...]:
    """Return where an entry of an array in the engine's order stands in the probe's own."""
    numbers = to_engine(probe, name, np.arange(np.prod(shape, dtype=int)).reshape(shape))
    return tuple(map(int, np.unravel_index(numbers[index], shape)))


def output_axes(probe: Probe, count: int) -> tuple[str, ...]:
    """Return the names of the axes of a probe's outputs; none where they are not known."""
    if count == 4 and _has_channels_first(probe):
        return "sample", "output channel", "output row", "output column"
    return AXES.get(count, ())


def _has_channels_first(probe: Probe) -> bool:
    is_own = isinstance(probe, LayerProbe | LossProbe | TailProbe)
    layout: str = getattr(probe, "layout", "NHWC" if is_own else "NCHW")
    return layout == "NCHW"

"""Mistakes of particular layers: what backward would give if they had been made.

Each suspect returns the mistake in words if it explains the evidence, else None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

import numpy as np

from cnnrun.engine.layers import Conv2D
from cnnrun.engine.types import Array
from cnnrun.gradcheck.diagnosis.definitions import full_convolution
from cnnrun.gradcheck.diagnosis.evidence import Evidence
from cnnrun.gradcheck.points.probes import LayerProbe

__all__ = ["filter_turned", "geometry", "window"]


class Slip(TypedDict, total=False):
    """What a convolution's dx is computed with by mistake."""

    stride: tuple[int, int]
    dilation: tuple[int, int]
    crop: tuple[int, int]


def filter_turned(evidence: Evidence) -> str | None:
    """The rotation by 180 degrees, or a transposition, of the filter or of its gradient."""
    name, probe = evidence.tensor.name, evidence.probe
    turns: list[tuple[str, Callable[[Array], Array]]] = [
        ("missing rotation: {} by 180 degrees", lambda a: a[::-1, ::-1]),
        ("flipped: {} top to bottom", lambda a: a[::-1]),
        ("flipped: {} left to right", lambda a: a[:, ::-1]),
        ("transposed: {} in its first two axes", lambda a: a.swapaxes(0, 1)),
        ("transposed: {} in its last two axes", lambda a: a.swapaxes(-1, -2)),
    ]
    if not isinstance(probe, LayerProbe):  # written elsewhere: rows and columns may come last
        turns += [
            ("missing rotation: {} by 180 degrees", lambda a: a[..., ::-1, ::-1]),
            ("flipped: {} top to bottom", lambda a: a[..., ::-1, :]),
            ("flipped: {} left to right", lambda a: a[..., ::-1]),
        ]
    for text, turn in turns:
        if name != probe.main and evidence.claimed.ndim >= 2:
            turned = turn(evidence.claimed)
            if turned.shape == evidence.claimed.shape and evidence.would_be_right(turned):
                return text.format(f"d{name} comes out turned")
        for other, array in probe.values.items():
            is_turnable = other != name and array.ndim >= 2 and probe.is_linear
            if not is_turnable or (name != probe.main and isinstance(probe, LayerProbe)):
                continue
            turned = np.array(turn(array))
            if turned.shape != array.shape or np.array_equal(turned, array):
                continue
            kept = array.copy()
            array[...] = turned
            try:
                claimed = probe.backward(evidence.upstream)[name]
            finally:
                array[...] = kept
            if evidence.would_be_right(claimed):
                return text.format(f"d{name} would be right with {other} turned")
    return None


def geometry(evidence: Evidence) -> str | None:
    """A convolution's stride, dilation or padding left out of dx."""
    layer = getattr(evidence.probe, "layer", None)
    if evidence.tensor.name != "x" or not isinstance(layer, Conv2D) or layer.config.groups > 1:
        return None
    placed, shape = layer.window, evidence.claimed.shape
    slips: list[tuple[str, bool, Slip]] = [
        ("the stride is ignored", placed.stride != (1, 1), {"stride": (1, 1)}),
        ("the dilation is ignored", placed.dilation != (1, 1), {"dilation": (1, 1)}),
        ("the padding is not cropped", placed.is_padded, {"crop": (0, 0)}),
    ]
    for text, applies, slip in slips:
        if applies and evidence.is_small:
            suspected = full_convolution(layer, shape, evidence.upstream, **slip)
            if evidence.explains(suspected):
                return f"{text} in dx"
    return None


def window(evidence: Evidence) -> str | None:
    """Pooling: the error sent to a fixed cell, or divided by a wrong number of cells."""
    if evidence.tensor.name != "x" or not evidence.is_small:
        return None
    size = evidence.claimed.size
    reach = evidence.reach.reshape(size, -1)  # (elements, outputs)
    upstream = evidence.upstream.reshape(-1)
    cells = reach.sum(axis=0)
    if cells.max(initial=0) < 2:
        return None
    shape = evidence.claimed.shape
    first = reach & (reach.cumsum(axis=0) == 1)
    last = reach & (reach[::-1].cumsum(axis=0)[::-1] == 1)
    for chosen, word in ((first, "first"), (last, "last")):
        if evidence.explains((chosen * upstream).sum(axis=1).reshape(shape)):
            return f"the error goes to the {word} cell of each window, whichever won"
    full, inside = int(cells.max()), np.maximum(cells, 1)
    placed = getattr(getattr(evidence.probe, "layer", None), "window", None)
    if placed is not None:
        full = placed.kernel[0] * placed.kernel[1]
    if evidence.explains((reach * (upstream / full)).sum(axis=1).reshape(shape)):
        return (
            f"windows at the edge are divided by the full N*N = {full}, "
            "not by the cells inside the image"
        )
    if evidence.explains((reach * (upstream / inside)).sum(axis=1).reshape(shape)):
        return (
            "windows at the edge are divided by the cells inside the image, "
            f"though the padding counts: by {full}"
        )
    if evidence.explains((reach * upstream).sum(axis=1).reshape(shape)):
        return "every cell of a window takes the whole error: the 1/(N*N) is missing"
    return None

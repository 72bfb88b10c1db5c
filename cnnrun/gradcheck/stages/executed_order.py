"""Layers that run in another order than the written one, against the written order in float64."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrun.engine import Context, Pass
from cnnrun.engine.context import Order
from cnnrun.engine.network import Sequential
from cnnrun.gradcheck.diagnosis.step import largest_difference
from cnnrun.gradcheck.report.findings import Finding
from cnnrun.gradcheck.stages.recording import Recording
from cnnrun.gradcheck.stages.rounding import tolerance

__all__ = ["compare_order", "join", "moved_groups"]


def join(prefix: str, name: str) -> str:
    """Return a layer's full name in the sequence called `prefix`."""
    return f"{prefix}/{name}" if prefix else name


def moved_groups(order: Order) -> list[list[tuple[int, str]]]:
    """Return the smallest runs of layers that hold just what is written there, but otherwise."""
    groups: list[list[tuple[int, str]]] = [[]]
    farthest = -1
    for place, (index, name) in enumerate(order):
        groups[-1].append((index, name))
        farthest = max(farthest, index)
        if farthest == place:
            groups.append([])
    return [group for group in groups if len(group) > 1]


def compare_order(
    group: Sequence[tuple[int, str]],
    sequence: Sequential,
    ctx: Context,
    recording: Recording,
    passes: Sequence[Pass],
) -> Finding | None:
    """Return that a group of layers gives another result than in the written order, if it does.

    Args:
        group: index and name of the layers, as they ran.
        sequence: in float64, where they stand.
        ctx: the sequence's context.
        recording: of the step.
        passes: one for each shard.
    """
    names = [join(ctx.name, name) for _, name in group]
    written = sorted(group)
    for number, run in enumerate(passes):
        first = recording.flow_through(names[0], (number,))
        last = recording.flow_through(names[-1], (number,))
        root = Context(run, ctx.path, ctx.name)
        y = first["x"].astype(np.float64)
        for index, name in written:
            y = sequence.layers[name].forward(y, root.child(index, name))
        dx = last["dy"].astype(np.float64)
        for index, name in reversed(written):
            inner = root.child(index, name)
            inner.needs_input_gradient = index != written[0][0] or "dx" in first
            dx = sequence.layers[name].backward(dx, inner)
        pairs = [(last["y"], y), *([(first["dx"], dx)] if "dx" in first else [])]
        for claimed, right in pairs:
            largest = float(np.max(np.abs(right), initial=0.0))
            allowed = tolerance(len(group), largest, largest, claimed.dtype, "columns")
            if not largest_difference([claimed], [right]).value <= allowed:
                return Finding(_farthest(group, ctx.name), None, "executed", _message(group))
    return None


def _farthest(group: Sequence[tuple[int, str]], prefix: str) -> str:
    """Return the layer that moved farthest; of two, the one that is written first."""
    moves = [abs(group.index(layer) - place) for place, layer in enumerate(sorted(group))]
    return join(prefix, sorted(group)[int(np.argmax(moves))][1])


def _message(group: Sequence[tuple[int, str]]) -> str:
    names = ", ".join(name for _, name in group)
    return (
        f"what trains runs {names} in this order, which gives another result than the order that "
        "is written"
    )

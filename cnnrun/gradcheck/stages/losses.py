"""The protocol that every loss keeps, and what is agreed on where an output is its target."""

from __future__ import annotations

import numpy as np

from cnnrun.gradcheck.points.probes import LossProbe
from cnnrun.gradcheck.report.findings import Finding
from cnnrun.gradcheck.stages.differences import Line

__all__ = ["check_loss_contract", "check_loss_conventions"]

STEP = 1e-6
"""To either side of the target."""

BEND = 1e-3
"""Slopes that differ by more, relative to the loss one further away, are a bend."""


def check_loss_contract(probe: LossProbe, name: str) -> list[Finding]:
    """Return how a loss breaks its protocol."""
    outputs = probe.values["outputs"]
    findings: list[Finding] = []
    kept = outputs.copy()
    value, dy = probe.loss(outputs, probe.targets, len(outputs))
    again, _ = probe.loss(outputs, probe.targets, len(outputs))
    halved, half = probe.loss(outputs, probe.targets, 2 * len(outputs))
    problems = {
        "it writes into the outputs": not np.array_equal(outputs, kept),
        "two calls at the same point differ": value != again,
        f"its gradient has shape {np.shape(dy)}, expected {outputs.shape}": np.shape(dy)
        != outputs.shape,
        "it is not a sum over batch_size: with twice that it is not half": not (
            np.isclose(halved, value / 2, rtol=1e-12, atol=1e-300)
            and np.allclose(half, dy / 2, rtol=1e-12, atol=1e-300)
        ),
    }
    outputs[...] = kept
    for message, is_broken in problems.items():
        if is_broken:
            findings.append(Finding(name, None, "contract", message))
    return findings


def check_loss_conventions(probe: LossProbe, name: str) -> list[Finding]:
    """Return how a loss breaks the convention where outputs are exactly their targets, arrays.

    Where it falls on one side of the target and rises on the other without a smooth bottom, as
    |a - t| does, the gradient at the target is agreed to be 0: what is right is not moved.
    """
    targets = probe.targets
    at_target = LossProbe(probe.loss, targets.copy(), targets)
    base = at_target.forward()
    gradient = at_target.backward(np.ones(len(targets)))["outputs"]
    for sample in range(len(targets)):  # in each, another output is moved
        place = np.unravel_index(sample % targets[sample].size, targets.shape[1:])
        index = (sample, *map(int, place))
        line = Line(at_target, "outputs", index)
        change = {t: float((line.at(t)[0].y - base.y)[sample]) for t in (-STEP, STEP, 1.0)}
        left, right = change[-STEP] / -STEP, change[STEP] / STEP
        is_bend = left < 0 < right and right - left > BEND * abs(change[1.0])
        claimed = float(gradient[index])
        if is_bend and abs(claimed) > BEND * right:
            message = (
                f"where an output is its target the slope changes, from {left:.3g} to {right:.3g}: "
                f"the gradient is agreed to be 0 there, it is {claimed:.3g}"
            )
            return [Finding(name, "outputs", "conventions", message, index)]
    return []

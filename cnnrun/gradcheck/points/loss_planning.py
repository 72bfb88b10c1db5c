"""From a loss to the points at which it is checked: with labels, and with arrays as targets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from cnnrun.engine import Loss
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import CnnrunError
from cnnrun.gradcheck.points.plan import Plan
from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.points.probes import LossProbe
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.losses import check_loss_contract, check_loss_conventions

__all__ = ["plan_loss", "plan_losses"]

LARGE = 20.0
"""The size of outputs at a further point: many functions bend at 3, 5, 6 or 10."""

WEIGHTS = (0.5, 2.0, 1.5, 3.0)
"""Of the classes, where a loss has such weights: for outputs of four scores."""

OTHER_OPTIONS: dict[str, list[dict[str, Any]]] = {
    "softmax_cross_entropy": [{"label_smoothing": 0.2, "class_weight": WEIGHTS}],
    "binary_cross_entropy": [{"pos_weight": 3.0}, {"pos_weight": WEIGHTS}],
    "focal": [{"gamma": 0.5}, {"gamma": 3.0, "class_weight": WEIGHTS}],
    "mse": [{"reduction": "mean"}],
    "mae": [{"reduction": "sum"}],
    "huber": [{"delta": 0.3, "reduction": "sum"}],
}
"""Besides its defaults, what a loss is checked with: options that change its formula."""


def plan_loss(
    loss: Loss,
    rng: np.random.Generator,
    *,
    shapes: Sequence[Shape] = ((4,), (1,), (3, 2, 2)),
    name: str = "",
) -> Plan:
    """Return the points of a loss: scores with labels, and, if it takes them, with arrays."""
    plan = Plan()
    name = name or loss.type_name
    problems = []
    for shape, size in product(shapes, (2.0, LARGE)):
        outputs = rng.standard_normal((5, *shape)) * size
        targets: dict[str, Array] = {"arrays": rng.uniform(0.05, 0.95, outputs.shape)}
        if len(shape) == 1:
            targets["labels"] = rng.integers(0, shape[0], 5)
            targets["arrays"] /= targets["arrays"].sum(axis=1, keepdims=True)
        for kind, target in targets.items():
            probe = LossProbe(loss, outputs.copy(), target)
            try:
                plan.findings += check_loss_contract(probe, name)
                if kind == "arrays":
                    plan.findings += check_loss_conventions(probe, name)
            except CnnrunError as error:  # it refuses such targets
                problems.append(str(error))
                continue
            except Exception as error:
                message = f"crashes: {describe_crash(error)}"
                plan.findings.append(Finding(name, None, "contract", message))
                return plan
            label = f"{loss}, {kind} for outputs of {'x'.join(map(str, shape))}, size {size:.0f}"
            point = Point(probe, name, label, ("outputs",))
            plan.points.append(point)
    if not plan.points:
        message = f"takes neither labels nor arrays: {'; '.join(problems)}"
        plan.findings.append(Finding(name, None, "contract", message))
    return plan


def plan_losses(loss: type[Loss], rng: np.random.Generator, *, name: str) -> Plan:
    """Return the points of a loss with its defaults, and with options that change its formula."""
    plan = plan_loss(loss(), rng, name=name)
    for options in OTHER_OPTIONS.get(loss.type_name, []):
        plan.add(plan_loss(loss(**options), rng, name=name))
    return plan

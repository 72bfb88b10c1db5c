"""From a layer, a loss or the whole registry to the points at which it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product

import numpy as np

from cnnrun.engine import LAYERS, LOSSES, Layer, Loss
from cnnrun.engine.layers import LayerNorm
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import CnnrunError, DataError, LayerError
from cnnrun.gradcheck.points.cases import Case, cases_of
from cnnrun.gradcheck.points.point import Point, random_point
from cnnrun.gradcheck.points.probes import LayerProbe, LossProbe
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.conditions import check_conditions
from cnnrun.gradcheck.stages.contract import check_contract, check_float32
from cnnrun.gradcheck.stages.conventions import check_conventions

__all__ = ["Plan", "plan_cases", "plan_layer", "plan_loss", "plan_losses", "plan_sweep"]

LARGE, LARGE_LOSS = 8.0, 20.0
"""The size of values at a further point, of a layer and of a loss: many functions bend at 3, 5, 6
or 10, which inputs of unit size never reach."""

LARGE_ELEMENTS = 60
"""Compared in each tensor there, besides a direction in which all of them move."""

DEFINED_SAMPLES = 4
"""At a random point, where a layer is not defined for fewer."""


@dataclass
class Plan:
    """Points at which to check, and what preparing them has shown already: mistakes, and notes."""

    points: list[Point] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: Plan) -> None:
        """Add the points, findings and notes of another plan."""
        self.points += other.points
        self.findings += other.findings
        self.notes += other.notes


@np.errstate(all="ignore")  # what is not finite is a finding, not a warning
def plan_layer(
    layer: Layer,
    name: str,
    rng: np.random.Generator,
    *,
    samples: int = 3,
    x: Array | None = None,
    label: str = "",
    tensors: Sequence[str] | None = None,
) -> Plan:
    """Return the points of one float64 layer: at `x`, if it is given, and at a random one.

    Args:
        layer: in float64.
        name: under which it is reported.
        rng: draws the random point.
        samples: at the random point.
        x: `(N, *input_shape)`, the user's own data.
        label: describes the layer; it is put before the point's own label.
        tensors: those to check; all by default.
    """
    plan = Plan()
    given = LayerProbe(layer.astype(np.float64), x, name=name) if x is not None else None
    try:
        drawn, samples = _defined_point(layer, name, samples, rng)
        plan.findings += check_contract(drawn, rng)
        if plan.findings:
            return plan
        plan.findings += check_float32(drawn)  # the gradient can be checked all the same
        broken = check_conditions(layer, drawn, rng)
        plan.findings += [f for f in broken if tensors is None or f.tensor in (None, *tensors)]
        plan.findings += check_conventions(layer.astype(np.float64), name, rng)
        modes = [True, False] if _depends_on_mode(drawn) else [True]
    except Exception as error:
        message = f"forward crashes: {describe_crash(error)}"
        plan.findings.append(Finding(name, None, "contract", message))
        return plan
    chosen = tuple(tensors) if tensors is not None else tuple(drawn.values)
    prefix = f"{label}, " if label else ""
    zero = _zero_by_definition(layer)
    if given is not None:
        try:
            given.forward()
            plan.points.append(Point(given, name, f"{prefix}data", chosen, zero=zero))
        except DataError as error:
            plan.notes.append(f"{name} is not defined at the data, only checked elsewhere: {error}")
    for training in modes:
        draw = partial(random_point, layer, name, samples, rng, training=training)
        label = f"{prefix}random point{'' if training else ', evaluating'}"
        plan.points.append(Point(draw(), name, label, chosen, redraw=draw, zero=zero))
    draw = partial(random_point, layer, name, samples, rng, scale=LARGE)
    label = f"{prefix}random point of large values"
    plan.points.append(Point(draw(), name, label, chosen, draw, LARGE_ELEMENTS, zero))
    return plan


def _defined_point(
    layer: Layer, name: str, samples: int, rng: np.random.Generator
) -> tuple[LayerProbe, int]:
    """Return a random point at which a layer is defined, and the number of samples that it took.

    Batch normalisation is not, for instance, where a channel has one value.
    """
    try:
        return random_point(layer, name, samples, rng), samples
    except DataError:
        more = max(2 * samples, DEFINED_SAMPLES)
        return random_point(layer, name, more, rng), more


def _zero_by_definition(layer: Layer) -> frozenset[str]:
    """Return the tensors on which a layer's outputs do not depend, whatever their values."""
    if isinstance(layer, LayerNorm) and layer.params["gamma"].size == 1:
        return frozenset({"x", "gamma"})  # a single value less its mean is nothing
    return frozenset()


def _depends_on_mode(probe: LayerProbe) -> bool:
    """Return whether a layer does something else outside training."""
    other = LayerProbe(probe.layer, probe.values["x"], training=not probe.training)
    return not np.array_equal(probe.forward().y, other.forward().y, equal_nan=True)


def plan_case(case: Case, rng: np.random.Generator) -> Plan:
    """Return the points of a layer that is built for one case."""
    try:
        layer = case.build(int(rng.integers(1 << 31)))
    except LayerError as error:
        return Plan(findings=[Finding(case.layer_name, None, "contract", str(error))])
    except CnnrunError:
        raise
    except Exception as error:
        message = f"building {case} crashes: {describe_crash(error)}"
        return Plan(findings=[Finding(case.layer_name, None, "contract", message)])
    return plan_layer(layer, case.layer_name, rng, samples=case.samples, label=str(case))


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
    for shape, size in product(shapes, (2.0, LARGE_LOSS)):
        outputs = rng.standard_normal((5, *shape)) * size
        targets: dict[str, Array] = {"arrays": rng.uniform(0.05, 0.95, outputs.shape)}
        if len(shape) == 1:
            targets["labels"] = rng.integers(0, shape[0], 5)
            targets["arrays"] /= targets["arrays"].sum(axis=1, keepdims=True)
        for kind, target in targets.items():
            probe = LossProbe(loss, outputs.copy(), target)
            try:
                plan.findings += _loss_contract(probe, name)
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


def _loss_contract(probe: LossProbe, name: str) -> list[Finding]:
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


def plan_sweep(names: Iterable[str], rng: np.random.Generator) -> Plan:
    """Return the points of registered layers and losses, each over its geometries.

    Raises:
        ConfigError: a name is not registered, or nothing is known of how to build it.
    """
    plan = Plan()
    for name in names:
        if name in LOSSES:
            plan.add(plan_losses(LOSSES.get(name), rng, name=name))
            continue
        plan.add(plan_cases(cases_of(LAYERS.get(name)), rng))
    return plan


def plan_cases(cases: Iterable[Case], rng: np.random.Generator) -> Plan:
    """Return the points of several cases of a layer; no more after the first that cannot run."""
    plan = Plan()
    for case in cases:
        one = plan_case(case, rng)
        plan.add(one)
        if not one.points:
            break
    return plan


def plan_losses(loss: type[Loss], rng: np.random.Generator, *, name: str) -> Plan:
    """Return the points of a loss with its defaults, and with options that change its formula."""
    options = {"softmax_cross_entropy": {"label_smoothing": 0.2}, "mse": {"reduction": "mean"}}
    plan = plan_loss(loss(), rng, name=name)
    if loss.type_name in options:
        plan.add(plan_loss(loss(**options[loss.type_name]), rng, name=name))  # type: ignore[arg-type]
    return plan

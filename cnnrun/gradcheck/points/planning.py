"""From a layer or the whole registry to the points at which it is checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from cnnrun.engine import LAYERS, LOSSES, Layer
from cnnrun.engine.layers import LayerNorm
from cnnrun.engine.types import Array
from cnnrun.errors import CnnrunError, DataError, LayerError
from cnnrun.gradcheck.points.cases import Case, cases_of
from cnnrun.gradcheck.points.loss_planning import plan_losses
from cnnrun.gradcheck.points.plan import Plan
from cnnrun.gradcheck.points.point import Point, random_point
from cnnrun.gradcheck.points.probes import LayerProbe
from cnnrun.gradcheck.report.findings import Finding, describe_crash
from cnnrun.gradcheck.stages.conditions import check_conditions
from cnnrun.gradcheck.stages.contract import check_contract, check_float32
from cnnrun.gradcheck.stages.conventions import check_conventions

__all__ = ["plan_cases", "plan_layer", "plan_sweep"]

LARGE = 8.0
"""The size of values at a further point: many functions bend at 3, 5 or 6, which inputs of unit
size never reach."""

LARGE_ELEMENTS = 60
"""Compared in each tensor there, besides a direction in which all of them move."""

DEFINED_SAMPLES = 4
"""At a random point, where a layer is not defined for fewer."""


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
        message = f"building it crashes: {describe_crash(error)}, as {case}"
        return Plan(findings=[Finding(case.layer_name, None, "contract", message)])
    return plan_layer(layer, case.layer_name, rng, samples=case.samples, label=str(case))


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

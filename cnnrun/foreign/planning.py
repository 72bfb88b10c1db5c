"""From a function written elsewhere to the check of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import ConfigError
from cnnrun.foreign.comparison import compare_forward
from cnnrun.foreign.contract import check_function
from cnnrun.foreign.function import FaultError, ForeignFunction
from cnnrun.foreign.inputs import Input
from cnnrun.foreign.like import Model
from cnnrun.foreign.probe import ForeignProbe
from cnnrun.gradcheck import Check
from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.precision import DOUBLE
from cnnrun.gradcheck.report.findings import Finding

__all__ = ["plan_function"]

PASSES, SECONDS = 2000, 1.2
"""What a check may take by default: counted, so that a seed fixes what is compared on any machine,
unless the function is slow, as a loop in Python is."""

SECONDS_DIAGNOSED = 0.5
"""What comparing all of a wrong tensor may take."""

TOGETHER = 8, 64
"""How many passes are timed in one call, where a call is dear."""

LARGE, LARGE_ELEMENTS = 8.0, 20
"""A further point has values of this size, beyond the bends of many functions."""


def plan_function(
    function: ForeignFunction,
    inputs: Mapping[str, Input],
    *,
    like: Model | None = None,
    layout: str | None = None,
    seed: int = 0,
    budget: int | None = None,
    seconds: float | None = None,
    notes: Sequence[str] = (),
) -> Check:
    """Return the check of a function written elsewhere.

    Args:
        function: under test.
        inputs: what each of its inputs is drawn from; given numbers are checked at, too.
        like: the layer or loss that it should be.
        layout: of its images, `NCHW` or `NHWC`; by default the one that fits.
        seed: what all random numbers derive from.
        budget: the most forward passes.
        seconds: the most time instead; without either, 2,000 passes and about a second.
        notes: what a reader should know, besides the function's own.

    Raises:
        ConfigError: no input has a gradient, or it has not the shapes of what it should be like.
    """
    if not function.checked:
        raise ConfigError(f"{function.title}: no input has a gradient that could be checked")
    rng = np.random.default_rng([seed, 0])
    if budget is None and seconds is None:
        budget, seconds = PASSES, SECONDS
    drawn = _draw(inputs, rng)
    with np.errstate(all="ignore"):
        findings = check_function(function, drawn, np.random.default_rng([seed, 3]))
        points: list[Point] = []
        if not _is_broken(findings):
            try:
                points = _points(function, inputs, drawn, rng, findings)
            except FaultError as fault:  # at another point, or at many at once
                findings.append(Finding(function.name, fault.tensor, "contract", str(fault)))
        if like is not None and not _is_broken(findings):
            findings += compare_forward(function, drawn, like, layout, points)
    return Check(
        function.title,
        points,
        seed=seed,
        findings=findings,
        order=[function.name],
        budget=budget,
        seconds=seconds,
        notes=[*function.notes, *notes],
    )


def _is_broken(findings: Sequence[Finding]) -> bool:
    return any(not finding.is_warning for finding in findings)


def _points(
    function: ForeignFunction,
    inputs: Mapping[str, Input],
    drawn: Mapping[str, Array],
    rng: np.random.Generator,
    findings: list[Finding],
) -> list[Point]:
    """Return where the function is checked: at given numbers, at random ones, and at large ones.

    In float32 there are no large ones: a right kernel has no digits left in 1 - s where s is
    nearly 1, as a saturated sigmoid is.
    """
    name, tensors = function.name, function.checked
    pace = _seconds_per_pass(function, drawn)
    most = int(min(ForeignProbe.most_diagnosed, max(40, SECONDS_DIAGNOSED / pace / 4)))

    def probe(point: Mapping[str, Array]) -> ForeignProbe:
        probe = ForeignProbe(function, point)
        probe.most_diagnosed = most
        probe.seconds_per_pass = pace if function.pays_by_call else None
        return probe

    def redraw() -> ForeignProbe:
        return probe(_draw(inputs, rng))

    points = [Point(probe(drawn), name, "random point", tensors, redraw)]
    given = {n: i.given for n, i in inputs.items() if i.given is not None}
    if given:
        own = {**drawn, **given}
        broken = check_function(function, own, rng)
        findings += [f for f in broken if f not in findings]
        if not _is_broken(broken):
            points.insert(0, Point(probe(own), name, "given numbers", tensors))
    if function.precision.claimed > DOUBLE.claimed:
        return points
    large = _draw(inputs, rng, LARGE)
    try:
        outputs = function.call({n: array.copy() for n, array in large.items()}).outputs
        is_defined = all(np.isfinite(output).all() for output in outputs)
    except FaultError:
        is_defined = False
    if is_defined:
        label = "random point of large values"
        points.append(Point(probe(large), name, label, tensors, None, LARGE_ELEMENTS))
    return points


def _draw(
    inputs: Mapping[str, Input], rng: np.random.Generator, scale: float = 1.0
) -> dict[str, Array]:
    return {name: one.draw(rng, scale) for name, one in inputs.items()}


def _seconds_per_pass(function: ForeignFunction, inputs: Mapping[str, Array]) -> float:
    """Return how long a forward pass takes: one of many together, where a call is dear."""
    alone = _seconds(function, inputs, 1)
    if not function.pays_by_call:
        return max(1e-6, alone)
    few, many = TOGETHER
    seconds = _seconds(function, inputs, few)
    if seconds > 2 * alone:  # the passes are dear themselves
        return seconds / few
    return max(1e-6, _seconds(function, inputs, many) / many)


def _seconds(function: ForeignFunction, inputs: Mapping[str, Array], passes: int) -> float:
    points = [{name: array.copy() for name, array in inputs.items()} for _ in range(passes)]
    start = time.perf_counter()
    function.call_many(points)
    return time.perf_counter() - start

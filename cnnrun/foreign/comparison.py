"""Holds a function's forward against that of the layer or loss that it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cnnrun.engine import Layer, Loss
from cnnrun.engine.types import Array
from cnnrun.foreign.function import ForeignFunction
from cnnrun.foreign.like import Model
from cnnrun.foreign.likeness import NEAR, loss_of, match_layer, model_name
from cnnrun.foreign.probe import ForeignProbe
from cnnrun.foreign.translation import as_loss, translated
from cnnrun.gradcheck.points.cases import describe_options
from cnnrun.gradcheck.points.point import Point
from cnnrun.gradcheck.report.findings import Finding, written_apart

__all__ = ["compare_forward"]


def compare_forward(
    function: ForeignFunction,
    inputs: Mapping[str, Array],
    model: Model,
    layout: str | None,
    points: Sequence[Point],
) -> list[Finding]:
    """Return whether forward is that of the model, and let points know it where it is.

    A backward that fits a wrong forward is then said to be right for it.

    Raises:
        ConfigError: the function has not the shapes of such a layer or loss.
    """
    if isinstance(model, Loss):
        value, ours, targets = loss_of(function, inputs, model)
        if abs(value - ours) > NEAR * max(abs(value), abs(ours), 1e-30):
            return [_wrong_forward(function, model, "its value", value, ours)]
        _introduce(points, partial(as_loss, loss=model, targets=targets), model, None)
        return []
    likeness = match_layer(function, inputs, model, layout)
    if not likeness.agrees:
        index, theirs, ours = likeness.place
        what = f"taken as {likeness.layout}, y{list(index)}"
        return [_wrong_forward(function, model, what, theirs, ours)]
    translate = partial(translated, likeness=likeness)
    _introduce(points, translate, likeness.layer, likeness.layout)
    return []


def _introduce(
    points: Sequence[Point],
    translate: Callable[[Any], Any],
    like: Layer | Loss,
    layout: str | None,
) -> None:
    for point in points:
        if isinstance(point.probe, ForeignProbe):
            point.probe.translate = translate
            point.probe.like, point.probe.layout = like, layout


def _wrong_forward(
    function: ForeignFunction,
    model: Model,
    what: str,
    theirs: float,
    ours: float,
) -> Finding:
    name = model_name(model)
    options = "" if isinstance(model, Loss) else describe_options(model)
    with_options = f"{name} ({options})" if options else name
    was, should = written_apart(theirs, ours)
    message = (
        f"forward is not that of {with_options}: {what} is {was}, {name} gives {should} for the "
        "same numbers. The verdicts on gradients are about the forward as it is written"
    )
    return Finding(function.name, None, "forward", message)

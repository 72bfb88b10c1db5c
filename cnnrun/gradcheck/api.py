"""The checker in Python: one function for a layer, a loss, a network, or all that is registered."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from cnnrun.engine import LAYERS, LOSSES, Layer, LayerConfig, Loss, Network
from cnnrun.engine.losses import MeanSquaredError, SoftmaxCrossEntropy
from cnnrun.engine.names import select_layers
from cnnrun.engine.types import Array, Shape
from cnnrun.errors import ConfigError
from cnnrun.gradcheck.check import Check
from cnnrun.gradcheck.points.cases import Case, cases_of
from cnnrun.gradcheck.points.loss_planning import plan_loss, plan_losses
from cnnrun.gradcheck.points.networks import (
    defined_data,
    layer_names,
    plan_network_points,
    random_targets,
)
from cnnrun.gradcheck.points.planning import plan_cases, plan_layer, plan_sweep
from cnnrun.gradcheck.points.point import Point, distinct
from cnnrun.gradcheck.points.probes import LayerProbe
from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.stages.executed import ExecutedStep

__all__ = ["check", "plan", "plan_network"]

SAMPLES = 5
"""Enough for batch normalisation of vectors, of which two samples would leave nothing; and no
common size of a window, for which a sum over the samples could be taken."""

LEAST_SAMPLES = 8
"""Of the training step that is checked: two shards of four."""

STEP_BYTES, RECORDED = 256 << 20, 6
"""What that step may take, and how many arrays a layer's output counts for in it."""

PASSES, FEWEST_PASSES = 40_000, 10_000
"""Of a network's check by default: counted, not timed, so that a seed fixes what is checked on any
machine. For LeNet about 30 s."""

MULTIPLY_ADDS = 2_300_000
"""Of one sample in LeNet; a larger network is given fewer passes in proportion."""


def check(
    subject: Any = None,
    x: Array | None = None,
    *,
    input_shape: Shape | None = None,
    loss: Loss | None = None,
    targets: Array | None = None,
    seed: int = 0,
    budget: int | None = None,
    seconds: float | None = None,
) -> Report:
    """Check gradients, and return the report that `cnnrun gradcheck` prints.

    Args:
        subject: a layer, a network or a loss; a layer's class, options or registered name; None
            for every registered layer and loss.
        x: `(N, *input_shape)`, an input to check a layer or network at, besides random ones.
        input_shape: of one sample, for a class, options or a name.
        loss: behind a network; softmax cross entropy or the squared error by default.
        targets: for `x`, as the loss takes them; random ones by default.
        seed: what all random numbers derive from.
        budget: the most forward passes; above it elements are sampled. A network has one by
            default, see `plan_network`.
        seconds: the most time, as far as it can be told; which elements fit depends on the machine.

    Raises:
        ConfigError: nothing is known of how to build such a layer.
        ShapeError: the layer does not fit `input_shape`.
    """
    if isinstance(subject, Network):
        planned = plan_network(
            subject, x, loss=loss, targets=targets, seed=seed, budget=budget, seconds=seconds
        )
    else:
        planned = plan(
            subject, x=x, input_shape=input_shape, seed=seed, budget=budget, seconds=seconds
        )
    for _ in planned.run():
        pass
    return planned.report()


def plan(
    subject: Any = None,
    *,
    x: Array | None = None,
    input_shape: Shape | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
    budget: int | None = None,
    seconds: float | None = None,
) -> Check:
    """Return the check of a layer or loss, or of registered ones; see `check`.

    `names` selects among the registered ones, where there is no subject.
    """
    rng = np.random.default_rng([seed, 0])
    if isinstance(subject, str):
        subject = LOSSES.get(subject) if subject in LOSSES else LAYERS.get(subject)
    if subject is None:
        title = "all registered layers and losses" if not names else ", ".join(names)
        planned = plan_sweep(names or [*LAYERS, *LOSSES], rng)
    elif isinstance(subject, Loss):
        title = subject.type_name or type(subject).__name__
        planned = plan_loss(subject, rng, name=title)
    elif isinstance(subject, type) and issubclass(subject, Loss):
        title = subject.type_name or subject.__name__
        planned = plan_losses(subject, rng, name=title)
    elif isinstance(subject, Layer):
        title = subject.type_name or type(subject).__name__
        given = None if x is None else np.array(x, np.float64)
        samples = SAMPLES if given is None else len(given)
        planned = plan_layer(subject.astype(np.float64), title, rng, samples=samples, x=given)
    else:
        cases = _cases(subject, input_shape)
        title = cases[0].layer_name
        planned = plan_cases(cases, rng)
    # A layer made of others is blamed last: the mistake may be in one of those.
    composite = {point.layer for point in planned.points if _is_composite(point)}
    names = [*(finding.layer for finding in planned.findings), *(p.layer for p in planned.points)]
    order = sorted(names, key=composite.__contains__)
    return Check(
        title,
        planned.points,
        seed=seed,
        findings=planned.findings,
        order=order,
        budget=budget,
        seconds=seconds,
        notes=planned.notes,
    )


def _is_composite(point: Point) -> bool:
    return isinstance(point.probe, LayerProbe) and bool(point.probe.layer.children())


def _cases(subject: Any, shape: Shape | None) -> list[Case]:
    shapes = [tuple(shape)] if shape is not None else []
    if isinstance(subject, LayerConfig) or (
        isinstance(subject, type) and issubclass(subject, Layer)
    ):
        return cases_of(subject, shapes)
    kind = type(subject).__name__
    raise ConfigError(f"a layer, a loss or a network can be checked, not a {kind}")


def plan_network(
    network: Network,
    x: Array | None = None,
    *,
    loss: Loss | None = None,
    targets: Array | None = None,
    layers: Sequence[str] = (),
    samples: int = SAMPLES,
    seed: int = 0,
    budget: int | None = None,
    seconds: float | None = None,
    notes: Sequence[str] = (),
    batch: tuple[Array, Array] | None = None,
    shard_size: int | None = None,
) -> Check:
    """Return the check of a network; see `check`.

    `layers` are words that name the layers to check, as `select_layers` reads them; the gradient
    through the whole network is checked only if they name all layers, as they do by default.
    Without `budget` and `seconds` the number of passes follows from the network's size. `batch`,
    images and targets as in
    training, and `shard_size` are for the training step that is checked as it runs; by default it
    is made of x, or of random images.

    Raises:
        ConfigError: a word names no layer.
    """
    rng = np.random.default_rng([seed, 0])
    if budget is None and seconds is None:
        budget = _default_passes(network)
    double = network.astype(np.float64)
    if x is None:
        x = distinct((samples, *network.input_shape), rng)
    x = np.array(x, np.float64)
    if loss is None:
        flat = len(network.output_shape) == 1
        loss = SoftmaxCrossEntropy() if flat else MeanSquaredError()
    chosen = select_layers(layer_names(double), layers)
    x, undefined = defined_data(double, x, rng, seed)
    if undefined:
        targets, batch = None, None
    planned, order = plan_network_points(double, loss, x, targets, rng, chosen, seed)
    count = f"{len(chosen)} layers" if len(chosen) > 1 else chosen[0]
    is_whole = len(chosen) == len(layer_names(double))
    return Check(
        f"network, {count}, {len(x)} samples",
        planned.points,
        seed=seed,
        findings=planned.findings,
        order=order,
        budget=budget,
        seconds=seconds,
        notes=[*notes, *([undefined] if undefined else []), *planned.notes],
        step=_step(network, loss, batch or (x, targets), shard_size, seed) if is_whole else None,
    )


def _default_passes(network: Network) -> int:
    """Return how many forward passes a check may take, whatever the machine."""
    work = network.multiply_adds()
    return max(FEWEST_PASSES, min(PASSES, PASSES * MULTIPLY_ADDS // max(1, work)))


def _step(
    network: Network,
    loss: Loss,
    batch: tuple[Array, Array | None],
    shard_size: int | None,
    seed: int,
) -> ExecutedStep:
    """Return the training step to check: at most as many images as memory holds comfortably."""
    x, targets = batch
    flow = sum(prod(layer.output_shape) for _, layer in network.walk()) + prod(network.input_shape)
    most = max(LEAST_SAMPLES, STEP_BYTES // (RECORDED * flow * np.dtype(np.float64).itemsize))
    if len(x) < LEAST_SAMPLES:  # copies do, since each layer is compared at what it is given
        x = np.resize(x, (LEAST_SAMPLES, *x.shape[1:]))
        targets = None if targets is None else np.resize(targets, (len(x), *targets.shape[1:]))
    x = x[:most]
    if targets is None:
        outputs = np.random.default_rng(seed).standard_normal((len(x), *network.output_shape))
        targets = random_targets(loss, outputs, np.random.default_rng(seed))
    return ExecutedStep(network, loss, x, targets[:most], shard_size=shard_size, seed=seed)

"""Checks that need no training: inputs, the first loss, the layers, samples that mix, the flow."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import numpy as np

from cnnrun.engine import Context, Layer, Network, Pass
from cnnrun.engine.types import Array
from cnnrun.inspection.capture import capture
from cnnrun.inspection.flow import measure_flow
from cnnrun.inspection.objectives import BatchLoss
from cnnrun.preflight.case import Case
from cnnrun.preflight.result import Row

__all__ = ["check_apart", "check_flow", "check_inputs", "check_layers", "check_loss"]

SAMPLES, MIXED = 64, 4
LARGE = 20.0
"""Inputs with a root mean square above this are not normalised."""
FARTHEST = 5.0
"""The first loss may be so many times that of a guess, since random weights guess wildly."""
NEAR = 1e-5
"""Rounding, relative to the values."""


def check_inputs(case: Case) -> Row:
    """Look at what the network sees: finite, of a usual size, and not all the same."""
    name = "inputs"
    x, _ = case.training(0, SAMPLES)
    advice = (
        "look at the images (cnnrun data info CONFIG --picture samples.png) and at data.normalize"
    )
    if not np.isfinite(x).all():
        return Row(name, "fail", "not all pixels are finite", advice)
    size, spread = float(np.sqrt(np.mean(np.square(x)))), float(x.std(axis=0).max())
    seen = f"root mean square {size:.3g} after normalisation"
    if spread <= NEAR * max(size, 1.0):
        return Row(name, "fail", f"all of {len(x)} images are the same; {seen}", advice)
    if size > LARGE:
        advice = "data.normalize: standard brings pixels to a size that initial weights are for"
        return Row(name, "note", seen, advice)
    return Row(name, "pass", seen)


def check_loss(case: Case) -> Row:
    """Compare the loss before training with that of a guess that sees no image."""
    name = "first loss"
    batch = case.training(0, SAMPLES)
    loss, outputs = case.measure(case.network(), batch)
    guess = case.guess(batch[1], outputs)
    what = f" (log {outputs.shape[1]})" if case.loss.activation == "softmax" else ""
    seen = f"{loss:.4g}; a guess has {guess:.4g}{what}"
    if not np.isfinite(loss):
        return Row(name, "fail", seen, "the outputs overflow; smaller initial weights, or inputs")
    if case.loss.activation and 0 <= outputs.min() <= outputs.max() <= 1 and outputs.size > SAMPLES:
        advice = (
            f"end with the last dense or conv2d layer: {case.loss.type_name} applies "
            f"{case.loss.activation} itself, and twice a network learns little"
        )
        return Row(name, "fail", f"all outputs lie between 0 and 1; {seen}", advice)
    if loss > FARTHEST * guess and case.loss.activation:
        advice = "the last layer's weights, or the inputs, are too large, or targets do not fit"
        return Row(name, "fail", seen, advice)
    if loss < guess / 2 and case.loss.activation:
        advice = "an untrained network cannot know so much: do the targets leak into the inputs?"
        return Row(name, "fail", seen, advice)
    return Row(name, "pass", seen)


def check_layers(case: Case) -> Row:
    """Look for layers that add nothing, and for one that lets hardly anything through."""
    name = "layers"
    network = case.network()
    x, _ = case.training(0, MIXED)
    inputs = _inputs(network, x, training=False)
    layers = list(network.layers.items())
    narrow = [key for key, layer in layers[:-1] if prod(layer.output_shape) == 1 < len(x)]
    if narrow and prod(network.output_shape) > 2:
        return Row(
            name,
            "fail",
            f"{narrow[0]} hands on a single number for {prod(network.output_shape)} outputs",
            "give it more units or filters: all that is known of an image passes through it",
        )
    weighted = [key for key, layer in layers if layer.multiply_adds()]
    bends = [key for key, layer in layers if not _is_affine(layer, inputs[key])]
    if len(weighted) > 1 and not bends:
        return Row(
            name,
            "fail",
            f"no non-linearity: the {len(weighted)} layers with weights come to a single one",
            "put an activation, such as relu, between them",
        )
    order = [key for key, _ in layers]
    for first, second in pairwise(weighted):
        between = order[order.index(first) : order.index(second)]
        if not set(between) & set(bends):
            seen = f"no non-linearity between {first} and {second}"
            return Row(name, "note", seen, "without one they come to a single layer; is it meant?")
    return Row(name, "pass", f"{len(weighted)} with weights, non-linearities between them")


def check_apart(case: Case) -> Row:
    """Change all samples of a batch but one: neither its output nor its gradient may notice."""
    name = "samples apart"
    network = case.network()
    x, _ = case.training(0, MIXED)
    if len(x) < 2:
        return Row(name, "note", "a single sample cannot be mixed with another")
    inputs = _inputs(network, x, training=True, seed=case.experiment.seed)
    wholes = []
    for key, layer in network.walk():
        if layer.uses_whole_batch():
            wholes += [layer.type_name] if layer.whole_batch else []
        elif how := _mixes(layer, inputs[key]):
            return Row(
                name,
                "fail",
                f"{key} mixes the samples of a batch: {how}",
                "look for a reshape, sum or mean over axis 0, which is that of the samples",
            )
    seen = "no sample acts on another"
    if wholes:
        seen += f"; {', '.join(sorted(set(wholes)))} aside, which takes statistics of the batch"
    return Row(name, "pass", seen)


def check_flow(case: Case) -> Row:
    """Follow the loss's gradient back to the first layer, and look for dead ReLUs."""
    name = "gradient flow"
    x, targets = case.training(0, SAMPLES)
    flow = measure_flow(capture(case.network(), x, BatchLoss(case.loss, targets)))
    seen = " ".join(flow.verdict).removesuffix(".")
    if flow.is_healthy:
        return Row(name, "pass", seen)
    return Row(name, "fail", seen, "cnnrun inspect CONFIG shows every layer")


def _inputs(network: Network, x: Array, *, training: bool, seed: int = 0) -> dict[str, Array]:
    """Return what every layer gets, by its full name."""
    inputs: dict[str, Array] = {}

    def keep(name: str, key: str, array: Array) -> None:
        if key == "x":
            inputs[name] = array.copy()

    with np.errstate(all="ignore"):
        network.forward(x, Context(Pass(training=training, seed=seed, observer=keep)))
    return inputs


def _is_affine(layer: Layer, x: Array) -> bool:
    """Return whether f(a) + f(b) = f(a + b) + f(0), outside training, for inputs of both signs."""
    rng = np.random.default_rng(0)
    scale = float(np.abs(x).max()) or 1.0
    a, b = (scale * rng.normal(size=x.shape).astype(x.dtype) for _ in range(2))
    with np.errstate(all="ignore"):
        ya, yb, both, none = (
            layer.forward(value, Context()).astype(np.float64)
            for value in (a, b, a + b, np.zeros_like(a))
        )
    size = float(np.abs(ya).max() + np.abs(yb).max() + np.abs(both).max()) or 1.0
    return bool(np.abs(ya + yb - both - none).max() <= 100 * NEAR * size)


def _mixes(layer: Layer, x: Array) -> str:
    """Return how the first sample's output or gradient depends on the others; empty if not."""
    rng = np.random.default_rng(0)
    other = x.copy()
    other[1:] += (np.abs(x).max() or 1.0) * rng.normal(size=x[1:].shape).astype(x.dtype)
    with np.errstate(all="ignore"):
        ctx = Context(Pass(training=True))
        changed = layer.forward(other, Context(Pass(training=True)))[0].copy()
        y = layer.forward(x, ctx)
        size = float(np.abs(y[0]).max()) or 1.0
        if np.abs(y[0] - changed).max() > NEAR * size:
            return "an output changes with the other inputs"
        dy = np.zeros_like(y)
        dy[0] = rng.normal(size=y[0].shape)
        dx = layer.backward(dy, ctx)
    return "a gradient reaches the other inputs" if np.any(dx[1:]) else ""

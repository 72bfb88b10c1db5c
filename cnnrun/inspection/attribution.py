"""Shows which pixels the objective depends on: saliency, integrated gradients, Grad-CAM, occlusion.

All maps are computed in float64. They are `(N, H, W)`, summed over channels, so that images of one
channel and of three have maps of the same shape.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from cnnrun.engine import Context, Network, Pass
from cnnrun.engine.types import Array
from cnnrun.inspection.capture import capture, walk
from cnnrun.inspection.objectives import Objective

__all__ = ["Attribution", "attribute", "grad_cam", "integrated_gradients", "occlusion"]


GOOD_ENOUGH = 0.005
"""Integrated gradients take more steps until their completeness error is below this."""

MOST_STEPS = 1024
SECONDS = 12.0
"""Integrated gradients start no round of steps that is expected to take longer, and occlusion takes
as many squares as it has time for. The first round is always done."""

NOISE = 0.1
"""Standard deviation of SmoothGrad's noise, relative to the range of the image."""

CONVOLUTIONS = ("conv2d", "depthwise_conv2d", "conv2d_transpose")


@dataclass(frozen=True)
class Attribution:
    """The maps of a batch, and the figures that say how accurate they are.

    Attributes:
        maps: by name, each `(N, H, W)`; `integrated_gradients` sums to `score_change`.
        score_change: for each sample, the objective at the input less that at the baseline.
        completeness_error: for each sample, how far the sum of the integrated gradients is from
            `score_change`, relative to it.
        steps: how many integrated gradients took.
        cam_layer: whose channels Grad-CAM weighs; None where there is no convolution.
        cam: `(N, H', W')`, at that layer's resolution.
        patch: the side of the occluding square, in pixels.
    """

    maps: dict[str, Array] = field(default_factory=dict)
    score_change: tuple[float, ...] = ()
    completeness_error: tuple[float, ...] = ()
    steps: int = 0
    cam_layer: str | None = None
    cam: Array | None = None
    patch: int = 0


def attribute(
    network: Network,
    x: Array,
    objective: Objective,
    baseline: Array,
    *,
    steps: int = 64,
    smooth: int = 32,
    seed: int = 0,
) -> Attribution:
    """Return all attribution maps of images.

    Args:
        network: of any dtype.
        x: `(N, H, W, C)`, normalised.
        objective: of which the maps are: a class score, or the loss.
        baseline: `(C,)`, what an absent pixel is: black, normalised.
        steps: of integrated gradients, to begin with.
        smooth: noisy copies that SmoothGrad averages over.
        seed: of the noise.
    """
    double, x = network.astype(np.float64), x.astype(np.float64)
    gradient = _input_gradients(double, x, objective)
    integrated, change, error, taken = integrated_gradients(double, x, objective, baseline, steps)
    rng = np.random.default_rng(seed)
    spread = NOISE * (x.max(axis=(1, 2, 3)) - x.min(axis=(1, 2, 3)))
    total = np.zeros(x.shape[:3])
    for _ in range(smooth):
        noisy = x + spread[:, None, None, None] * rng.standard_normal(x.shape)
        total += np.abs(_input_gradients(double, noisy, objective)).sum(axis=3)
    maps = {
        "saliency": np.abs(gradient).sum(axis=3),
        "gradient_times_input": (gradient * x).sum(axis=3),
        "integrated_gradients": integrated.sum(axis=3),
        "smoothgrad": total / max(smooth, 1),
    }
    patch = max(1, min(x.shape[1:3]) // 7)
    maps["occlusion"] = occlusion(double, x, objective, baseline, patch)
    layer, cam = grad_cam(double, x, objective)
    if cam is not None:
        maps["grad_cam"] = _resized(cam, x.shape[1], x.shape[2])
    return Attribution(maps, tuple(change), tuple(error), taken, layer, cam, patch)


def integrated_gradients(
    network: Network,
    x: Array,
    objective: Objective,
    baseline: Array,
    steps: int,
    most_steps: int = MOST_STEPS,
) -> tuple[Array, list[float], list[float], int]:
    """Return integrated gradients, the change of the objective, the completeness error, the steps.

    (x - b) times the mean gradient on the way from b to x, by the midpoint rule; its sum is the
    change of the objective from b to x. Steps double until the sum is that to within 0.5%.
    Source: Sundararajan et al. 2017.

    Args:
        network: in float64.
        x: `(N, H, W, C)`.
        objective: a number for each sample.
        baseline: `(C,)`, b in every pixel.
        steps: to begin with.
        most_steps: however large the completeness error still is.
    """
    start = np.broadcast_to(baseline.astype(np.float64), x.shape)
    change = _values(network, x, objective) - _values(network, start, objective)
    while True:
        begin = time.perf_counter()
        total = np.zeros(x.shape)
        for step in range(steps):
            part = (step + 0.5) / steps
            total += _input_gradients(network, start + part * (x - start), objective)
        maps = (x - start) * total / steps
        missing = np.abs(maps.sum(axis=(1, 2, 3)) - change)
        error = missing / np.maximum(np.abs(change), 1e-12)
        spent = time.perf_counter() - begin
        if np.all(error < GOOD_ENOUGH) or 2 * steps > most_steps or 2 * spent > SECONDS:
            return maps, change.tolist(), error.tolist(), steps
        steps *= 2


def grad_cam(network: Network, x: Array, objective: Objective) -> tuple[str | None, Array | None]:
    """Return the last convolution's name and its Grad-CAM `(N, H', W')`.

    The channels of its output, each weighed with the mean of the objective's gradient over its
    positions, added up; what is negative becomes 0. Source: Selvaraju et al. 2017.
    """
    nodes = [node for node in walk(network) if node.layer.type_name in CONVOLUTIONS]
    if not nodes:
        return None, None
    captured = capture(network, x, objective, nodes[-1:])
    own = captured.maps[nodes[-1].name]
    weights = own["dy"].mean(axis=(1, 2))  # (N, K)
    return nodes[-1].name, np.maximum(np.einsum("nhwk,nk->nhw", own["y"], weights), 0)


def occlusion(
    network: Network, x: Array, objective: Objective, baseline: Array, patch: int
) -> Array:
    """Return how much the objective drops when a square around each place is blanked, `(N, H, W)`.

    A square of `patch` pixels moves by half its side; each pixel gets the mean of the drops of
    those squares that cover it. Source: Zeiler & Fergus 2014.
    """
    _, height, width, _ = x.shape
    begin = time.perf_counter()
    whole = _values(network, x, objective)
    most = SECONDS / (time.perf_counter() - begin)  # as many squares as there is time for
    stride = max(1, patch // 2)
    while (height / stride) * (width / stride) > most and stride < patch:
        stride += 1
    tops = sorted({*range(0, height - patch + 1, stride), height - patch})
    lefts = sorted({*range(0, width - patch + 1, stride), width - patch})
    places = [(top, left) for top in tops for left in lefts]
    drops, counts = np.zeros(x.shape[:3]), np.zeros((height, width))
    for top, left in places:
        blanked = x.copy()
        blanked[:, top : top + patch, left : left + patch] = baseline
        drop = whole - _values(network, blanked, objective)
        drops[:, top : top + patch, left : left + patch] += drop[:, None, None]
        counts[top : top + patch, left : left + patch] += 1
    return drops / counts


def _input_gradients(network: Network, x: Array, objective: Objective) -> Array:
    """Return the gradient of each sample's own objective with respect to x."""
    context = Context(Pass(training=False))
    outputs = network.forward(x, context)
    dy = objective.each_sample_alone().gradient(outputs)
    return np.array(network.backward(dy, context))


def _values(network: Network, x: Array, objective: Objective) -> Array:
    """Return each sample's objective."""
    return objective.values(network.forward(np.ascontiguousarray(x), Context(Pass(training=False))))


def _resized(maps: Array, height: int, width: int) -> Array:
    """Return maps at another size, by bilinear interpolation between pixel centres."""
    for axis, size in ((1, height), (2, width)):
        old = maps.shape[axis]
        places = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.floor(places).astype(int)
        high = np.minimum(low + 1, old - 1)
        part = (places - low).reshape([-1 if a == axis else 1 for a in range(3)])
        maps = maps.take(low, axis) * (1 - part) + maps.take(high, axis) * part
    return maps

"""The formulas of each type of layer and loss, forward and backward, in one line each.

x and y are a layer's input and output, dx and dy the loss gradients of them: the lecture's delta.
`*` between arrays is number by number; a sum over n is over the samples of the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cnnrun.engine import Layer, Loss

__all__ = ["Formulas", "formulas_of", "loss_formula"]


@dataclass(frozen=True)
class Formulas:
    """A layer's formulas: y from x, dx from dy, and the gradient of each parameter."""

    forward: str
    backward: str
    parameters: dict[str, str] = field(default_factory=dict)


BIAS_OF_IMAGES = "db = sum over n and positions of dy"
NORM = {"gamma": "dgamma = sum of dy * h", "beta": "dbeta = sum of dy"}

FORMULAS = {
    "conv2d": Formulas(
        "y = Convolution(x, w) + b",
        "dx = Full Convolution(w rotated by 180 degrees, dy)",
        {"w": "dw = sum over n of Convolution(x, dy)", "b": BIAS_OF_IMAGES},
    ),
    "depthwise_conv2d": Formulas(
        "y = Convolution(x, w) + b, every channel with its own filters",
        "dx = Full Convolution(w rotated by 180 degrees, dy), channel by channel",
        {"w": "dw = sum over n of Convolution(x, dy)", "b": BIAS_OF_IMAGES},
    ),
    "conv2d_transpose": Formulas(
        "y = Full Convolution(w rotated by 180 degrees, x) + b: the dx of a convolution",
        "dx = Convolution(dy, w)",
        {"w": "dw = sum over n of Convolution(dy, x)", "b": BIAS_OF_IMAGES},
    ),
    "max_pool2d": Formulas(
        "y = maximum of each window",
        "dx: each error is assigned to where its maximum came from",
    ),
    "avg_pool2d": Formulas(
        "y = mean of each window", "dx: each error, times 1/(N*N), goes to the whole window"
    ),
    "global_avg_pool2d": Formulas(
        "y = mean of each channel", "dx = dy / (H*W), the same for every pixel of a channel"
    ),
    "upsample2d": Formulas(
        "y = R x C^T, channel by channel; R and C hold what each row and column is made of",
        "dx = R^T dy C: the sum of what each pixel's copies, or shares, bring back",
    ),
    "dense": Formulas(
        "y = x w + b", "dx = dy w^T", {"w": "dw = x^T dy", "b": "db = sum over n of dy"}
    ),
    "flatten": Formulas("y = x, in one row", "dx = dy, in the shape of x"),
    "relu": Formulas("y = max(x, 0)", "dx = dy * [x > 0]"),
    "leaky_relu": Formulas("y = x where x > 0, else s x", "dx = dy where x > 0, else s dy"),
    "elu": Formulas(
        "y = x where x > 0, else a (exp(x) - 1)", "dx = dy where x > 0, else dy * a exp(x)"
    ),
    "gelu": Formulas("y = x P(x), P the normal distribution", "dx = dy * (P(x) + x P'(x))"),
    "silu": Formulas("y = x s(x), s the sigmoid", "dx = dy * (s + y (1 - s))"),
    "sigmoid": Formulas("y = 1 / (1 + exp(-x))", "dx = dy * y (1 - y)"),
    "tanh": Formulas("y = tanh(x)", "dx = dy * (1 - y^2)"),
    "softplus": Formulas("y = log(1 + exp(b x)) / b", "dx = dy * sigmoid(b x)"),
    "softmax": Formulas("y = exp(x) / sum of exp(x)", "dx = y * (dy - sum of dy * y)"),
    "dropout": Formulas("y = x * m / (1 - rate), m random 0 or 1", "dx = dy * m / (1 - rate)"),
    "batch_norm": Formulas(
        "y = gamma h + beta, h = (x - mean) / sqrt(variance + epsilon) over the batch",
        "dx = gamma / sqrt(variance + epsilon) (dy - mean(dy) - h mean(dy * h))",
        NORM,
    ),
    "layer_norm": Formulas(
        "y = gamma h + beta, h = (x - mean) / sqrt(variance + epsilon) over each sample's features",
        "dx = (dh - mean(dh) - h mean(dh * h)) / sqrt(variance + epsilon), dh = gamma * dy",
        NORM,
    ),
    "residual": Formulas(
        "y = branch(x) + shortcut(x)", "dx = dx of the branch + dx of the shortcut"
    ),
    "concat": Formulas(
        "y = branch(x) beside shortcut(x), channel by channel",
        "dx = dx of the branch + dx of the shortcut, each of its own channels of dy",
    ),
}

LOSSES = {
    "softmax_cross_entropy": (
        "L = - mean over n of sum of t * log p, p = softmax(z)",
        "delta = (p - t) / N",
    ),
    "binary_cross_entropy": (
        "L = - mean over n and the K outputs of t * log p + (1 - t) * log(1 - p), p = sigmoid(z)",
        "delta = (p - t) / (K N)",
    ),
    "mse": (
        "L = mean over n of 1/2 sum of (a - t)^2",
        "delta = -(t - a) / N: the lecture's -(y - a), with f'(z) in the layer before",
    ),
    "mse mean": ("L = mean over n and the K outputs of (a - t)^2", "delta = -2 (t - a) / (K N)"),
    "mae": ("L = mean over n and the K outputs of |a - t|", "delta = sign(a - t) / (K N)"),
    "mae sum": ("L = mean over n of sum of |a - t|", "delta = sign(a - t) / N"),
    "huber": (
        "L = mean over n and the K outputs of c (a - t - c / 2), c = clip(a - t, -d, d)",
        "delta = c / (K N)",
    ),
    "huber sum": (
        "L = mean over n of sum of c (a - t - c / 2), c = clip(a - t, -d, d)",
        "delta = c / N",
    ),
}
"""By type; behind it the reduction, where another than the default has formulas of its own."""


def formulas_of(layer: Layer) -> Formulas:
    """Return a layer's formulas; of a user's own layer, the first line of its description."""
    known = FORMULAS.get(layer.type_name)
    if known is not None:
        return known
    first = (type(layer).__doc__ or "y = f(x), by its own code").strip().splitlines()[0]
    own: dict[str, str] = {name: f"d{name}, by its own backward" for name in layer.params}
    return Formulas(first, "dx, by its own backward", own)


def loss_formula(loss: Loss) -> tuple[str, str]:
    """Return a loss and its gradient with respect to the network's output."""
    first = (type(loss).__doc__ or "").strip().splitlines()
    own: tuple[Any, str] = (first[0] if first else "L, by its own code", "delta, by its own code")
    with_reduction = f"{loss.type_name} {getattr(loss, 'reduction', '')}"
    return LOSSES.get(with_reduction) or LOSSES.get(loss.type_name, own)

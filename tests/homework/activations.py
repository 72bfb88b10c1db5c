"""Functions of single values, and dropout, with their backwards."""

from __future__ import annotations

import numpy as np

__all__ = [
    "dropout_backward",
    "dropout_forward",
    "gelu_backward",
    "gelu_forward",
    "leaky_relu",
    "leaky_relu_backward",
    "relu_backward",
    "relu_forward",
    "sigmoid_backward",
    "sigmoid_forward",
    "tanh",
    "tanh_backward",
]


def relu_forward(x):
    return np.maximum(x, 0), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def leaky_relu(x, slope):
    """Return x where it is positive, `slope * x` elsewhere; nothing is kept for backward."""
    return np.where(x > 0, x, slope * x)


def leaky_relu_backward(dout, x, slope):
    return np.where(x > 0, dout, slope * dout)


def sigmoid_forward(x):
    out = 1 / (1 + np.exp(-x))
    return out, out


def sigmoid_backward(dout, cache):
    return dout * cache * (1 - cache)


def tanh(x):
    """Return tanh of x; nothing is kept for backward."""
    return np.tanh(x)


def tanh_backward(dout, x):
    return dout * (1 - np.tanh(x) ** 2)


def gelu_forward(x, cubic=0.044715):
    """Return the tanh approximation of `x * normal_cdf(x)` (Hendrycks and Gimpel 2016)."""
    bend = np.tanh(np.sqrt(2 / np.pi) * (x + cubic * x**3))
    return 0.5 * x * (1 + bend), (x, bend)


def gelu_backward(dout, cache, cubic=0.044715):
    x, bend = cache
    inner = np.sqrt(2 / np.pi) * (1 + 3 * cubic * x**2)
    return dout * (0.5 * (1 + bend) + 0.5 * x * (1 - bend**2) * inner)


def dropout_forward(x, dropout_param):
    """Return x with each value kept with probability `p` and divided by it; unchanged in a test."""
    mask = None
    if dropout_param["mode"] == "train":
        rng = np.random.default_rng(dropout_param["seed"])
        mask = (rng.random(x.shape) < dropout_param["p"]) / dropout_param["p"]
    return (x if mask is None else x * mask), (dropout_param, mask)


def dropout_backward(dout, cache):
    _, mask = cache
    return dout if mask is None else dout * mask

"""Ten functions in JAX, each with its backward written by hand, and right."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from homework.jax_rules import right


def affine(x, w, b):
    return x @ w + b


@right(affine, x=(4, 3), w=(3, 5), b=(5,))
def affine_backward(arguments, dy):
    x, w, _ = arguments
    return dy @ w.T, x.T @ dy, dy.sum(0)


def relu(x):
    return jnp.maximum(x, 0)


@right(relu, x=(4, 5))
def relu_backward(arguments, dy):
    return (jnp.where(arguments[0] > 0, dy, 0),)


def silu(x):
    return x * jax.nn.sigmoid(x)


@right(silu, x=(4, 5))
def silu_backward(arguments, dy):
    (x,) = arguments
    s = jax.nn.sigmoid(x)
    return (dy * (s + x * s * (1 - s)),)


def cross_entropy(x):
    """Return the mean over samples, for labels 0, 1, 2, ..."""
    return -jax.nn.log_softmax(x)[jnp.arange(len(x)), jnp.arange(len(x))].mean()


@right(cross_entropy, x=(4, 5))
def cross_entropy_backward(arguments, dy):
    (x,) = arguments
    return (dy * (jax.nn.softmax(x) - jnp.eye(*x.shape)) / len(x),)


def layer_norm(x, gamma, beta):
    return gamma * normalised(x) + beta


def deviation(x):
    return jnp.sqrt(x.var(-1, keepdims=True) + 1e-5)


def normalised(x):
    return (x - x.mean(-1, keepdims=True)) / deviation(x)


@right(layer_norm, x=(4, 6), gamma=(6,), beta=(6,))
def layer_norm_backward(arguments, dy, mean=1.0, variance=1.0):
    x, gamma, _ = arguments
    h, g = normalised(x), dy * gamma
    through_variance = variance * h * (g * h).mean(-1, keepdims=True)
    dx = (g - mean * g.mean(-1, keepdims=True) - through_variance) / deviation(x)
    return dx, (dy * h).sum(0), dy.sum(0)


def rms_norm(x, gamma):
    return gamma * x / jnp.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)


@right(rms_norm, x=(4, 6), gamma=(6,))
def rms_norm_backward(arguments, dy, epsilon=1e-5, along=1.0):
    x, gamma = arguments
    root = jnp.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
    h, g = x / root, dy * gamma
    return (g - along * h * (g * h).mean(-1, keepdims=True)) / root, (dy * h).sum(0)


def unit_vectors(x):
    return x / jnp.linalg.norm(x, axis=-1, keepdims=True)


@right(unit_vectors, x=(4, 3))
def unit_vectors_backward(arguments, dy, along=1.0):
    (x,) = arguments
    y = unit_vectors(x)
    towards = along * y * (dy * y).sum(-1, keepdims=True)
    return ((dy - towards) / jnp.linalg.norm(x, axis=-1, keepdims=True),)


def conv(x, w):
    """Return the convolution of x `(N, C, H, W)` with w `(F, C, KH, KW)`, without padding."""
    return lax.conv_general_dilated(x, w, (1, 1), "VALID")


@right(conv, x=(2, 3, 5, 4), w=(2, 3, 3, 2))
def conv_backward(arguments, dy, turn=lambda w: w[:, :, ::-1, ::-1]):
    x, w = arguments
    padding = [(size - 1, size - 1) for size in w.shape[2:]]
    dx = lax.conv_general_dilated(dy, turn(w).swapaxes(0, 1), (1, 1), padding)
    dw = lax.conv_general_dilated(x.swapaxes(0, 1), dy.swapaxes(0, 1), (1, 1), "VALID")
    return dx, dw.swapaxes(0, 1)


def max_pool(x):
    """Return the largest of each 2 x 2 cells of x `(N, C, H, W)`."""
    n, c, height, width = x.shape
    return x.reshape(n, c, height // 2, 2, width // 2, 2).max((3, 5))


@right(max_pool, x=(2, 2, 4, 6))
def max_pool_backward(arguments, dy):
    y, spread = (v.repeat(2, 2).repeat(2, 3) for v in (max_pool(arguments[0]), dy))
    return (jnp.where(arguments[0] == y, spread, 0),)


def attention(q, k, v):
    return attention_weights(q, k) @ v


def attention_weights(q, k):
    return jax.nn.softmax(q @ k.T / jnp.sqrt(q.shape[-1]))


@right(attention, q=(3, 4), k=(5, 4), v=(5, 2))
def attention_backward(arguments, dy, inner=1.0):
    q, k, v = arguments
    weights = attention_weights(q, k)  # (T, S)
    dweights = dy @ v.T
    total = inner * (dweights * weights).sum(-1, keepdims=True)
    dscores = weights * (dweights - total) / jnp.sqrt(q.shape[-1])
    return dscores @ k, dscores.T @ q, weights.T @ dy

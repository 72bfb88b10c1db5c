"""Dense layers and products of matrices, with their backwards."""

from __future__ import annotations

import numpy as np

__all__ = [
    "affine_backward",
    "affine_forward",
    "embedding_backward",
    "embedding_forward",
    "linear_activation_backward",
    "linear_activation_forward",
    "matmul",
    "matmul_backward",
    "residual_backward",
    "residual_forward",
]


def affine_forward(x, w, b):
    """Return `(N, M)`: each of N samples of D numbers, of any shape, times w `(D, M)`, plus b."""
    rows = x.reshape(len(x), -1)  # (N, D)
    return rows @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    dx = (dout @ w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T @ dout  # (D, N) @ (N, M)
    return dx, dw, dout.sum(axis=0)


def matmul(a, b):
    """Return `a @ b`; nothing is kept for backward."""
    return a @ b


def matmul_backward(dout, a, b):
    return dout @ b.T, a.T @ dout


def linear_activation_forward(A_prev, W, b, activation):
    """Return the activation of `W A_prev + b`; samples are columns: A_prev is `(inputs, m)`."""
    Z = W @ A_prev + b
    A = np.maximum(Z, 0) if activation == "relu" else 1 / (1 + np.exp(-Z))
    return A, (A_prev, W, b, Z, activation)


def linear_activation_backward(dA, cache):
    """Return the gradients for the sum over samples: no 1/m, which is the loss's business."""
    A_prev, W, _, Z, activation = cache
    sigmoid = 1 / (1 + np.exp(-Z))
    dZ = dA * (Z > 0 if activation == "relu" else sigmoid * (1 - sigmoid))
    return W.T @ dZ, dZ @ A_prev.T, dZ.sum(axis=1, keepdims=True)


def residual_forward(x, w):
    """Return `x + relu(x w)`."""
    h = x @ w
    return x + np.maximum(h, 0), (x, w, h)


def residual_backward(dout, cache):
    x, w, h = cache
    dh = dout * (h > 0)
    return dout + dh @ w.T, x.T @ dh


def embedding_forward(x, W):
    """Return `(N, T, D)`: for each word of x `(N, T)` its row of W `(V, D)`."""
    return W[x], (x, W)


def embedding_backward(dout, cache):
    """Return dW; words are integers and have no gradient."""
    x, W = cache
    dW = np.zeros_like(W)
    np.add.at(dW, x, dout)
    return dW

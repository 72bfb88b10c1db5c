"""Losses, each one function that returns the loss and the gradient of its first input."""

from __future__ import annotations

import numpy as np

__all__ = ["mse_loss", "probabilities", "regularized_softmax_loss", "softmax_loss", "svm_loss"]


def probabilities(scores):
    """Return the softmax of each row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def softmax_loss(x, y):
    """Return the mean cross entropy of the scores x `(N, C)` for the labels y `(N,)`."""
    p, rows = probabilities(x), np.arange(len(x))
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    return loss, p / len(x)


def svm_loss(x, y):
    """Return the mean over samples of their sum of hinges, each with a margin of 1."""
    rows = np.arange(len(x))
    margins = np.maximum(0, x - x[rows, y][:, None] + 1)
    margins[rows, y] = 0
    dx = (margins > 0).astype(float)
    dx[rows, y] = -dx.sum(axis=1)
    return margins.sum() / len(x), dx / len(x)


def mse_loss(x, y):
    """Return the mean over all values of the squared difference; y has no gradient here."""
    return ((x - y) ** 2).mean(), 2 * (x - y) / x.size


def regularized_softmax_loss(W, X, y, reg):
    """Return the loss of the linear classifier W `(D, C)` on X `(N, D)`, plus `reg * sum W^2`."""
    loss, dscores = softmax_loss(X @ W, y)
    return loss + reg * (W**2).sum(), X.T @ dscores + 2 * reg * W

"""Pooling of NCHW images, with its backwards: a loop over the windows."""

from __future__ import annotations

import numpy as np

__all__ = [
    "avg_pool_backward",
    "avg_pool_forward",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
    "pools",
]


def pools(x, pool_param):
    """Yield i, j and the index of each window."""
    height, width = pool_param["pool_height"], pool_param["pool_width"]
    stride = pool_param["stride"]
    for i in range((x.shape[2] - height) // stride + 1):
        for j in range((x.shape[3] - width) // stride + 1):
            top, left = i * stride, j * stride
            yield i, j, np.s_[:, :, top : top + height, left : left + width]


def pool(x, pool_param, function):
    """Return `(N, C, OH, OW)`: `function` of each window of x `(N, C, H, W)`."""
    values = {(i, j): function(x[window], axis=(2, 3)) for i, j, window in pools(x, pool_param)}
    out = np.empty((*x.shape[:2], *np.add(max(values), 1)))
    for (i, j), value in values.items():
        out[:, :, i, j] = value
    return out, (x, pool_param)


def max_pool_forward_naive(x, pool_param):
    return pool(x, pool_param, np.max)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for i, j, window in pools(x, pool_param):
        is_largest = x[window] == x[window].max(axis=(2, 3), keepdims=True)
        dx[window] += is_largest * dout[:, :, i, j, None, None]
    return dx


def avg_pool_forward(x, pool_param):
    return pool(x, pool_param, np.mean)


def avg_pool_backward(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for i, j, window in pools(x, pool_param):
        dx[window] += dout[:, :, i, j, None, None] / x[window][0, 0].size
    return dx

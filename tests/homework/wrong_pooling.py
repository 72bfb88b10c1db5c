"""Mistakes in the backwards of pooling."""

from __future__ import annotations

import numpy as np

from homework.pairs import AVG_POOL, MAX_POOL, MAX_POOL_OVERLAP
from homework.pooling import avg_pool_backward, max_pool_backward_naive, pools

WIDE = {"pool_param": {"pool_height": 2, "pool_width": 3, "stride": 2}}
WINNER = "cell|won|winner|maxim|largest"


def to_cells(dout, cache, share):
    """Return dx where each window takes `share(window's values)` of its error."""
    x, pool_param = cache
    dx = np.zeros_like(x)
    for i, j, window in pools(x, pool_param):
        dx[window] += share(x[window]) * dout[:, :, i, j, None, None]
    return dx


@MAX_POOL.wrong("x", kind=WINNER)
def max_pool_to_all_cells(dout, cache):
    return to_cells(dout, cache, np.ones_like)


@MAX_POOL.wrong("x", kind=WINNER)
def max_pool_shared_by_all_cells(dout, cache):
    return avg_pool_backward(dout, cache)


@MAX_POOL.wrong("x", kind="first cell")
def max_pool_to_the_first_cell(dout, cache):
    return to_cells(dout, cache, lambda cells: np.eye(1, cells[0, 0].size).reshape(2, 2))


@MAX_POOL.wrong("x", kind="last cell")
def max_pool_to_the_last_cell(dout, cache):
    return to_cells(dout, cache, lambda cells: np.eye(1, cells[0, 0].size)[:, ::-1].reshape(2, 2))


@MAX_POOL.wrong("x", kind=WINNER + "|small|lowest|minim")
def max_pool_to_the_smallest(dout, cache):
    x, pool_param = cache
    return max_pool_backward_naive(dout, (-x, pool_param))


@MAX_POOL.wrong("x", kind="times x|multiplied by|x itself|value")
def max_pool_passes_the_value(dout, cache):
    return max_pool_backward_naive(dout, cache) * cache[0]


@MAX_POOL.wrong("x", kind="sample")
def max_pool_winners_of_the_first_sample(dout, cache):
    x, pool_param = cache
    return max_pool_backward_naive(dout, (np.repeat(x[:1], len(x), axis=0), pool_param))


@MAX_POOL.wrong("x", kind="channel")
def max_pool_winners_of_the_first_channel(dout, cache):
    x, pool_param = cache
    return max_pool_backward_naive(dout, (np.repeat(x[:, :1], x.shape[1], axis=1), pool_param))


@MAX_POOL_OVERLAP.wrong("x", kind="assigned|overwrit|last|overlap")
def max_pool_assigned(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for i, j, window in pools(x, pool_param):
        is_largest = x[window] == x[window].max(axis=(2, 3), keepdims=True)
        dx[window] = np.where(is_largest, dout[:, :, i, j, None, None], dx[window])
    return dx


@MAX_POOL.wrong("x", kind=WINNER + "|row|column|unravel|transpos", constants=WIDE)
def max_pool_index_divided_by_the_height(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for i, j, window in pools(x, pool_param):
        for n, c in np.ndindex(*x.shape[:2]):
            row, column = divmod(int(np.argmax(x[window][n, c])), pool_param["pool_height"])
            dx[n, c, 2 * i + row % 2, 2 * j + column] += dout[n, c, i, j]
    return dx


@MAX_POOL.wrong("x", kind="stride")
def max_pool_stride_ignored(dout, cache):
    x, pool_param = cache
    dx = np.zeros_like(x)
    for i, j, window in pools(x, pool_param):
        is_largest = x[window] == x[window].max(axis=(2, 3), keepdims=True)
        dx[:, :, i : i + 2, j : j + 2] += is_largest * dout[:, :, i, j, None, None]
    return dx


@AVG_POOL.wrong("x", kind=r"1/\(N\*N\)|ratio 4|cell")
def avg_pool_not_divided(dout, cache):
    return 4 * avg_pool_backward(dout, cache)


@AVG_POOL.wrong("x", kind="ratio 2|factor 2")
def avg_pool_divided_by_its_side(dout, cache):
    return 2 * avg_pool_backward(dout, cache)


@AVG_POOL.wrong("x", kind=WINNER)
def avg_pool_to_the_largest(dout, cache):
    return max_pool_backward_naive(dout, cache)

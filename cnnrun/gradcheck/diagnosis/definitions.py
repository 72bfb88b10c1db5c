"""Gradients by their definitions, in plain loops; on request with one well-known mistake in them.

A wrong gradient that equals one of these is explained by that mistake.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.engine.layers import Conv2D
from cnnrun.engine.types import Array, Shape

__all__ = ["Winners", "full_convolution", "max_pool_shares"]

Winners = Literal["first", "last", "all", "shared"]


def full_convolution(
    layer: Conv2D,
    x_shape: Shape,
    dy: Array,
    *,
    stride: tuple[int, int] | None = None,
    dilation: tuple[int, int] | None = None,
    crop: tuple[int, int] | None = None,
    accumulate: bool = True,
) -> Array:
    """Return dx by adding every error's share in place, with one thing wrong when asked to.

    Args:
        layer: without groups.
        x_shape: `(N, H, W, C)`, of the input.
        dy: `(N, OH, OW, F)`.
        stride: used instead of the layer's own; likewise the next two.
        dilation: the same.
        crop: the same, of the padding above and to the left.
        accumulate: whether shares add up, or the last one stays.
    """
    window, w = layer.window, layer.params["w"]
    (top, left) = window.before if crop is None else crop
    step, gap = stride or window.stride, dilation or window.dilation
    dx = np.zeros(x_shape, dy.dtype)
    for i, j in np.ndindex(*dy.shape[1:3]):
        for a, b in np.ndindex(*window.kernel):
            row, column = i * step[0] + a * gap[0] - top, j * step[1] + b * gap[1] - left
            if 0 <= row < x_shape[1] and 0 <= column < x_shape[2]:
                share = dy[:, i, j] @ w[a, b].T  # (N, F) @ (F, C)
                dx[:, row, column] = share + (dx[:, row, column] if accumulate else 0)
    return dx


def max_pool_shares(window: Window, x: Array, dy: Array, winners: Winners = "first") -> Array:
    """Return max pooling's dx by its definition.

    Args:
        window: pool size, stride and padding on an H x W image.
        x: `(N, H, W, C)`.
        dy: `(N, OH, OW, C)`.
        winners: who takes the error on a tie; the first in row-major order is the convention.
    """
    dx = np.zeros_like(x)
    rows, columns = window.input_size
    for n, i, j, c in np.ndindex(*dy.shape):
        top = i * window.stride[0] - window.before[0]
        left = j * window.stride[1] - window.before[1]
        cells = [
            (n, top + a, left + b, c)
            for a, b in np.ndindex(*window.kernel)
            if 0 <= top + a < rows and 0 <= left + b < columns
        ]
        best = max(x[cell] for cell in cells)
        tied = [cell for cell in cells if x[cell] == best]
        taking = {"first": tied[:1], "last": tied[-1:]}.get(winners, tied)
        for cell in taking:
            dx[cell] += dy[n, i, j, c] / (len(tied) if winners == "shared" else 1)
    return dx

"""Average pooling, and how it spreads the error.

Sums go along the width first and then along the height: KW + KH passes instead of KW*KH.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels.windows import (
    Scratch,
    crop,
    gradient_image,
    inside,
    padded,
    positions,
    taps,
    tiles,
)
from cnnrun.engine.types import Array

__all__ = ["average_pool", "average_pool_gradient", "window_counts"]


def window_counts(window: Window, count_padding: bool, dtype: np.dtype[Any]) -> Array:
    """Return `(OH, OW, 1)`: by how many cells each window's sum is divided.

    Without `count_padding` only the cells inside the image count.
    """
    if count_padding:
        return np.full((*window.output_size, 1), window.kernel[0] * window.kernel[1], dtype)
    cells = np.zeros((1, *window.padded_size, 1), dtype)
    inside(cells, window)[...] = 1
    counts = np.zeros((*window.output_size, 1), dtype)
    for _, _, seen in taps(cells, window):
        counts += seen[0]
    return counts


def average_pool(x: Array, window: Window, counts: Array, y: Array, scratch: Scratch) -> None:
    """Write the sum of every window over its count into y.

    Args:
        x: `(N, H, W, C)`.
        window: pool size, stride and padding on an H x W image.
        counts: `(OH, OW, 1)`, from `window_counts`.
        y: `(N, OH, OW, C)`; overwritten.
        scratch: where temporary arrays come from.
    """
    for part in tiles(len(x), x[:1].nbytes):
        image = padded(x[part], window, 0, scratch)
        row_sum = scratch("row_sum", (*image.shape[:2], *y.shape[2:]), y.dtype)
        np.copyto(row_sum, image[:, :, positions(window, 1, 0)])
        for j in range(1, window.kernel[1]):
            row_sum += image[:, :, positions(window, 1, j)]
        total = y[part]
        np.copyto(total, row_sum[:, positions(window, 0, 0)])
        for i in range(1, window.kernel[0]):
            total += row_sum[:, positions(window, 0, i)]
        total /= counts


def average_pool_gradient(
    dy: Array, window: Window, counts: Array, dx: Array, scratch: Scratch
) -> None:
    """Write dx: every error, over its window's count, goes to the whole window.

    Args:
        dy: `(N, OH, OW, C)`.
        window: that of the forward pass.
        counts: `(OH, OW, 1)`, from `window_counts`.
        dx: `(N, H, W, C)`; overwritten.
        scratch: where temporary arrays come from.
    """
    for part in tiles(len(dx), dx[:1].nbytes):
        image = gradient_image(dx[part], window, scratch)
        share = scratch("share", dy[part].shape, dx.dtype)
        np.divide(dy[part], counts, out=share)
        for _, _, into in taps(image, window):
            into += share
        crop(image, window, dx[part])

"""Convolution and its two gradients, as matrix products over columns of the input.

A *column* is what one window sees: KH*KW*C numbers. With the columns of all positions as a matrix,
convolution is one product with the filters, and both gradients are products with its transpose.
Samples are taken a tile at a time, and rows of a large image, so that a tile's columns stay in the
L2 cache; backward gathers them again instead of keeping them. That was measured as about twice as
fast as columns of a whole batch, in a fraction of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels.reductions import add_bias
from cnnrun.engine.kernels.windows import Scratch, inside, padded, positions, taps, tiles
from cnnrun.engine.types import Array

__all__ = ["convolve", "filter_gradient", "input_gradient"]

FEW_CHANNELS = 3
"""Up to so many, columns are gathered tap by tap, unless a stride leaves no runs to copy."""


def convolve(
    x: Array, w: Array, window: Window, y: Array, scratch: Scratch, b: Array | None = None
) -> None:
    """Write the convolution of x with w, plus b, into y.

    Args:
        x: `(N, H, W, C)`, the input.
        w: `(KH, KW, C, F)`, the filters.
        window: kernel, stride, padding and dilation on an H x W image.
        y: `(N, OH, OW, F)`, of which the first three axes can be merged; overwritten.
        scratch: where temporary arrays come from.
        b: `(F,)`, the bias.
    """
    rows = _matrix(w)  # (KH*KW*C, F)
    for tile, columns in _columns(x, window, scratch):
        output = y[tile]
        np.matmul(columns, rows, out=_matrix(output))  # (n*OH*OW, KH*KW*C) @ (KH*KW*C, F)
        if b is not None:
            add_bias(output, b, scratch)


def filter_gradient(x: Array, dy: Array, window: Window, dw: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the filters into dw.

    The lecture's dL/dF = Convolution(X, dL/dO): each tap meets the inputs it was multiplied with.

    Args:
        x: `(N, H, W, C)`, the input of the forward pass.
        dy: `(N, OH, OW, F)`, the loss gradient of its output.
        window: that of the forward pass.
        dw: `(KH, KW, C, F)`, of which the first three axes can be merged; overwritten.
        scratch: where temporary arrays come from.
    """
    dw.fill(0)
    rows = _matrix(dw)
    product = scratch("product", rows.shape, dw.dtype)
    for tile, columns in _columns(x, window, scratch):
        # (KH*KW*C, n*OH*OW) @ (n*OH*OW, F)
        np.matmul(columns.T, _matrix(dy[tile]), out=product)
        rows += product


def input_gradient(dy: Array, w: Array, window: Window, dx: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the input into dx.

    The lecture's dL/dX = Full Convolution(F rotated by 180 degrees, dL/dO). It is computed as the
    same sum in another order, which is faster: each error times the filter, added where the
    window stood.

    Args:
        dy: `(N, OH, OW, F)`, the loss gradient of the output.
        w: `(KH, KW, C, F)`, the filters.
        window: that of the forward pass.
        dx: `(N, H, W, C)`, of which the first three axes can be merged; overwritten.
        scratch: where temporary arrays come from.
    """
    channels = w.shape[2]
    if _is_pointwise(window):
        np.matmul(_matrix(dy), _matrix(w).T, out=_matrix(dx))  # (N*H*W, F) @ (F, C)
        return
    add, size = _add_rows, _row_bytes(window, channels, dx)
    if channels == 1:
        add, size = _add_planes, _column_bytes(window, channels, dx)
    for part in tiles(len(dy), window.output_size[0] * size):
        errors, into = dy[part], dx[part]
        image = into
        if window.is_padded:
            shape = (len(errors), *window.padded_size, channels)
            image = scratch("padded", shape, dx.dtype)
        image.fill(0)
        for band in tiles(window.output_size[0], len(errors) * size):
            reached, window_of_band = _band(window, band)
            add(errors[:, band], w, window_of_band, image[:, reached], scratch)
        if window.is_padded:
            into[...] = inside(image, window)


def _add_rows(
    errors: Array, filters: Array, window: Window, image: Array, scratch: Scratch
) -> None:
    """Add errors times filters to the image, first along the height and then along the width.

    KH + KW additions instead of KH*KW, the first ones in runs of OW*KW*C numbers: measured as 1.1
    to 2 times as fast for two channels and more.
    """
    (high, wide), (out_high, out_wide) = window.kernel, window.output_size
    samples, channels = len(errors), filters.shape[2]
    rows = scratch("rows", (samples, image.shape[1], out_wide, wide, channels), image.dtype)
    product = scratch("product", (samples, out_high, out_wide, wide, channels), image.dtype)
    rows.fill(0)
    for i in range(high):
        # (n*OH*OW, F) @ (F, KW*C)
        out = product.reshape(-1, wide * channels)
        np.matmul(_matrix(errors), _matrix(filters[i]).T, out=out)
        rows[:, positions(window, 0, i)] += product
    for j in range(wide):
        image[:, :, positions(window, 1, j)] += rows[:, :, :, j]


def _add_planes(
    errors: Array, filters: Array, window: Window, image: Array, scratch: Scratch
) -> None:
    """Do the same for a single channel, where a tap's products for all positions are adjacent."""
    shape = (*window.kernel, len(errors), *window.output_size)
    planes = scratch("columns", shape, image.dtype)
    rows = _matrix(filters)  # (KH*KW, F) @ (F, n*OH*OW)
    np.matmul(rows, _matrix(errors).T, out=planes.reshape(len(rows), -1))
    for i, j, into in taps(image, window):
        into[..., 0] += planes[i, j]


def _columns(
    x: Array, window: Window, scratch: Scratch
) -> Iterator[tuple[tuple[slice, slice], Array]]:
    """Yield tiles of the output, as slices of samples and of rows, with their columns.

    Columns are `(n*OH*OW, KH*KW*C)` for n samples and OH rows, and valid until the next.
    """
    if _is_pointwise(window):
        yield (slice(None), slice(None)), _matrix(x)  # each pixel is its own column
        return
    channels = x.shape[3]
    (high, wide), (out_high, _) = window.kernel, window.output_size
    size = _column_bytes(window, channels, x)
    by_window = channels > (FEW_CHANNELS if window.stride[1] == 1 else 1)
    for part in tiles(len(x), out_high * size):
        image = padded(x[part], window, 0, scratch)
        if by_window:
            seen = _windows(image, window)  # (n, OH, OW, KH, KW, C)
        else:
            # What a window sees of a row is too short a run to copy; what a tap sees at a row of
            # positions is longer. Measured as 1.3 to 5 times as fast for one channel, 1.2 to 1.4
            # for three.
            planes = scratch("planes", (channels, *image.shape[:3]), x.dtype)
            np.copyto(planes, image.transpose(3, 0, 1, 2))
            seen = _windows(planes.transpose(1, 2, 3, 0), window)
        for band in tiles(out_high, len(image) * size):
            if by_window:
                columns = scratch("columns", seen[:, band].shape, x.dtype)
                np.copyto(columns, seen[:, band])
                yield (part, band), columns.reshape(-1, high * wide * channels)
            else:
                by_tap = seen[:, band].transpose(3, 4, 5, 0, 1, 2)  # (KH, KW, C, n, OH, OW)
                columns = scratch("columns", by_tap.shape, x.dtype)
                np.copyto(columns, by_tap)
                yield (part, band), columns.reshape(high * wide * channels, -1).T


def _windows(image: Array, window: Window) -> Array:
    """Return a view `(n, OH, OW, KH, KW, C)` of what each window sees of a padded image."""
    (stride_y, stride_x), (step_y, step_x) = window.stride, window.dilation
    n, row, column, channel = image.strides
    return as_strided(
        image,
        (len(image), *window.output_size, *window.kernel, image.shape[3]),
        (n, row * stride_y, column * stride_x, row * step_y, column * step_x, channel),
        writeable=False,
    )


def _is_pointwise(window: Window) -> bool:
    return window.kernel == window.stride == (1, 1) and not window.is_padded


def _column_bytes(window: Window, channels: int, like: Array) -> int:
    """Return the size of the columns of one row of positions."""
    (high, wide), (_, out_wide) = window.kernel, window.output_size
    return out_wide * high * wide * channels * like.itemsize


def _row_bytes(window: Window, channels: int, like: Array) -> int:
    """Return what `_add_rows` holds for one row of positions: a product, and its sums."""
    rows = 1 + window.stride[0]
    return rows * window.output_size[1] * window.kernel[1] * channels * like.itemsize


def _band(window: Window, band: slice) -> tuple[slice, Window]:
    """Return the rows of the padded image that a band of positions reaches, and its window."""
    stride, reach = window.stride[0], window.dilation[0] * (window.kernel[0] - 1) + 1
    reached = slice(band.start * stride, (band.stop - 1) * stride + reach)
    size = (band.stop - band.start, window.output_size[1])
    return reached, replace(window, output_size=size)


def _matrix(array: Array) -> Array:
    """Return all axes but the last as one; a view, also of one group's slice of a whole array."""
    return array.reshape(-1, array.shape[-1])

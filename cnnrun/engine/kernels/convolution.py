"""Convolution and its two gradients, as matrix products over columns of the input.

A *column* is what one window sees: KH*KW*C numbers. With the columns of all positions as a matrix,
convolution is one product with the filters, and both gradients are products with its transpose.
Samples are taken a tile at a time, so that a tile's columns stay in the L2 cache; backward gathers
them again instead of keeping them. That was measured as about twice as fast as columns of a whole
batch, in a fraction of the memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels.windows import Scratch, inside, padded, positions, taps
from cnnrun.engine.types import Array

__all__ = ["convolve", "filter_gradient", "input_gradient"]

TILE_BYTES = 512 * 1024
"""Target size of a tile's columns: within the L2 cache, with room for the operands."""


def convolve(x: Array, w: Array, window: Window, y: Array, scratch: Scratch) -> None:
    """Write the convolution of x with w into y.

    Args:
        x: `(N, H, W, G*C)`, the input.
        w: `(KH, KW, C, F)`, the filters; the g-th of G blocks of filters sees the g-th of channels.
        window: kernel, stride, padding and dilation on an H x W image.
        y: `(N, OH, OW, F)`, C-contiguous; overwritten.
        scratch: where temporary arrays come from.
    """
    for own_channels, own_filters in _groups(x, w):
        rows = _matrix(w[..., own_filters])  # (KH*KW*C, F)
        for part, columns in _columns(x[..., own_channels], window, scratch):
            # (n*OH*OW, KH*KW*C) @ (KH*KW*C, F)
            np.matmul(columns, rows, out=_matrix(y[part][..., own_filters]))


def filter_gradient(x: Array, dy: Array, window: Window, dw: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the filters into dw.

    The lecture's dL/dF = Convolution(X, dL/dO): each tap meets the inputs it was multiplied with.

    Args:
        x: `(N, H, W, G*C)`, the input of the forward pass.
        dy: `(N, OH, OW, F)`, the loss gradient of its output.
        window: that of the forward pass.
        dw: `(KH, KW, C, F)`, C-contiguous; overwritten.
        scratch: where temporary arrays come from.
    """
    dw.fill(0)
    for own_channels, own_filters in _groups(x, dw):
        rows = _matrix(dw[..., own_filters])
        product = scratch("product", rows.shape, dw.dtype)
        for part, columns in _columns(x[..., own_channels], window, scratch):
            # (KH*KW*C, n*OH*OW) @ (n*OH*OW, F)
            np.matmul(columns.T, _matrix(dy[part][..., own_filters]), out=product)
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
        dx: `(N, H, W, G*C)`, C-contiguous; overwritten.
        scratch: where temporary arrays come from.
    """
    for own_channels, own_filters in _groups(dx, w):
        filters = w[..., own_filters]
        channels = filters.shape[2]
        if _is_pointwise(window):
            errors = _matrix(dy[..., own_filters])  # (N*H*W, F) @ (F, C)
            np.matmul(errors, _matrix(filters).T, out=_matrix(dx[..., own_channels]))
            continue
        add = _add_planes if channels == 1 else _add_rows
        for part in _tiles(len(dy), _numbers(window, channels) * dx.itemsize):
            errors, into = dy[part][..., own_filters], dx[part][..., own_channels]
            image = into
            if window.is_padded:
                shape = (len(errors), *window.padded_size, channels)
                image = scratch("padded", shape, dx.dtype)
            image.fill(0)
            add(errors, filters, window, image, scratch)
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


def _columns(x: Array, window: Window, scratch: Scratch) -> Iterator[tuple[slice, Array]]:
    """Yield slices of the batch with their columns `(n*OH*OW, KH*KW*C)`, valid until the next."""
    if _is_pointwise(window):
        yield slice(0, len(x)), _matrix(x)  # each pixel is its own column
        return
    channels = x.shape[3]
    sizes = (*window.output_size, *window.kernel, channels)
    (stride_y, stride_x), (step_y, step_x) = window.stride, window.dilation
    for part in _tiles(len(x), _numbers(window, channels) * x.itemsize):
        image = padded(x[part], window, 0, scratch)
        n, row, column, channel = image.strides
        seen = as_strided(
            image,
            (len(image), *sizes),
            (n, row * stride_y, column * stride_x, row * step_y, column * step_x, channel),
            writeable=False,
        )
        if channels == 1:
            # A row of a window is too short a run to copy; what a tap sees at a row of positions
            # is longer. Measured as 3 to 5 times as fast.
            seen = seen[..., 0].transpose(3, 4, 0, 1, 2)  # (KH, KW, n, OH, OW)
        columns = scratch("columns", seen.shape, x.dtype)
        np.copyto(columns, seen)
        if channels == 1:
            yield part, columns.reshape(window.kernel[0] * window.kernel[1], -1).T
        else:
            yield part, columns.reshape(-1, window.kernel[0] * window.kernel[1] * channels)


def _is_pointwise(window: Window) -> bool:
    return window.kernel == window.stride == (1, 1) and not window.is_padded


def _groups(x: Array, w: Array) -> Iterator[tuple[slice, slice]]:
    """Yield each group's channels of x and filters of w."""
    groups = x.shape[3] // w.shape[2]
    channels, filters = w.shape[2], w.shape[3] // groups
    for group in range(groups):
        yield (
            slice(group * channels, (group + 1) * channels),
            slice(group * filters, (group + 1) * filters),
        )


def _numbers(window: Window, channels: int) -> int:
    """Return the size of one sample's columns."""
    (high, wide), (out_high, out_wide) = window.kernel, window.output_size
    return out_high * out_wide * high * wide * channels


def _tiles(samples: int, bytes_per_sample: int) -> Iterator[slice]:
    """Yield slices of a batch whose columns fit into the cache together."""
    size = max(1, TILE_BYTES // max(1, bytes_per_sample))
    for start in range(0, samples, size):
        yield slice(start, min(start + size, samples))


def _matrix(array: Array) -> Array:
    """Return all axes but the last as one; a view, also of one group's slice of a whole array."""
    return array.reshape(-1, array.shape[-1])

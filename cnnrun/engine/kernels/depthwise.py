"""Depthwise convolution and its gradients: every channel has filters of its own.

There is no sum over channels, hence no matrix product: each tap of the window is one
multiply-and-add over the whole image. The filters are spread over a row of outputs first, so that
NumPy works in runs of OW*C numbers instead of C.
"""

from __future__ import annotations

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels.reductions import sum_rows
from cnnrun.engine.kernels.windows import Scratch, inside, padded, taps, tiles
from cnnrun.engine.types import Array

__all__ = ["convolve", "filter_gradient", "input_gradient"]


def convolve(x: Array, w: Array, window: Window, y: Array, scratch: Scratch) -> None:
    """Write the convolution of each channel of x with its own filters into y.

    Args:
        x: `(N, H, W, C)`, the input.
        w: `(KH, KW, C, M)`, M filters for every channel.
        window: kernel, stride, padding and dilation on an H x W image.
        y: `(N, OH, OW, C*M)`, channel c*M + m from filter m of channel c; overwritten.
        scratch: where temporary arrays come from.
    """
    spread = _spread(w, window, scratch)
    y.fill(0)
    for part in tiles(len(y), y[:1].nbytes):
        image = padded(x[part], window, 0, scratch)
        product = scratch("product", (len(image), *y.shape[1:3], w.shape[2]), y.dtype)
        for m in range(w.shape[3]):
            own = y[part][..., m :: w.shape[3]]
            for i, j, seen in taps(image, window):
                np.multiply(seen, spread[m, i, j], out=product)
                own += product


def filter_gradient(x: Array, dy: Array, window: Window, dw: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the filters into dw.

    Args:
        x: `(N, H, W, C)`, the input of the forward pass.
        dy: `(N, OH, OW, C*M)`, the loss gradient of its output.
        window: that of the forward pass.
        dw: `(KH, KW, C, M)`; overwritten.
        scratch: where temporary arrays come from.
    """
    total = scratch("total", dw.shape[2:3], dw.dtype)
    dw.fill(0)
    for part in tiles(len(dy), dy[:1].nbytes):
        image = padded(x[part], window, 0, scratch)
        product = scratch("product", (len(image), *dy.shape[1:3], dw.shape[2]), dw.dtype)
        for m in range(dw.shape[3]):
            errors = dy[part][..., m :: dw.shape[3]]
            for i, j, seen in taps(image, window):
                np.multiply(seen, errors, out=product)
                sum_rows(product, total, scratch)
                dw[i, j, :, m] += total


def input_gradient(dy: Array, w: Array, window: Window, dx: Array, scratch: Scratch) -> None:
    """Write the loss gradient with respect to the input into dx.

    Args:
        dy: `(N, OH, OW, C*M)`, the loss gradient of the output.
        w: `(KH, KW, C, M)`, the filters.
        window: that of the forward pass.
        dx: `(N, H, W, C)`; overwritten.
        scratch: where temporary arrays come from.
    """
    spread = _spread(w, window, scratch)
    for part in tiles(len(dy), dy[:1].nbytes):
        errors = dy[part]
        shape = (len(errors), *window.padded_size, dx.shape[3])
        image = scratch("padded", shape, dx.dtype) if window.is_padded else dx[part]
        image.fill(0)
        product = scratch("product", (len(errors), *dy.shape[1:3], w.shape[2]), dx.dtype)
        for m in range(w.shape[3]):
            own = errors[..., m :: w.shape[3]]
            for i, j, into in taps(image, window):
                np.multiply(own, spread[m, i, j], out=product)
                into += product
        if window.is_padded:
            dx[part] = inside(image, window)


def _spread(w: Array, window: Window, scratch: Scratch) -> Array:
    """Return w as `(M, KH, KW, OW, C)`, the same along OW."""
    high, wide, channels, multiplier = w.shape
    shape = (multiplier, high, wide, window.output_size[1], channels)
    spread = scratch("spread", shape, w.dtype)
    spread[...] = w.transpose(3, 0, 1, 2)[:, :, :, None, :]
    return spread

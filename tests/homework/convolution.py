"""Naive convolutions of NCHW images, with their backwards: a loop over the outputs."""

from __future__ import annotations

import numpy as np

__all__ = [
    "conv_backward_naive",
    "conv_forward_naive",
    "depthwise_backward",
    "depthwise_forward",
    "pad_image",
    "windows",
]


def pad_image(x, pad):
    return np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))


def windows(out_shape, w, stride):
    """Yield i, j and the index of the window that output (i, j) sees; out is `(N, F, OH, OW)`."""
    height, width = w.shape[-2:]
    for i, j in np.ndindex(*out_shape[2:]):
        top, left = i * stride, j * stride
        yield i, j, np.s_[:, :, top : top + height, left : left + width]


def conv_forward_naive(x, w, b, conv_param):
    """Return `(N, F, OH, OW)`: x `(N, C, H, W)` with filters w `(F, C, HH, WW)`, plus b."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = pad_image(x, pad)
    sizes = [(a - k) // stride + 1 for a, k in zip(padded.shape[2:], w.shape[2:], strict=True)]
    out = np.empty((len(x), len(w), *sizes))
    for i, j, window in windows(out.shape, w, stride):
        out[:, :, i, j] = np.tensordot(padded[window], w, ((1, 2, 3), (1, 2, 3))) + b
    return out, (x, w, b, conv_param)


def conv_backward_naive(dout, cache):
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = pad_image(x, pad)
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i, j, window in windows(dout.shape, w, stride):
        dy = dout[:, :, i, j]  # (N, F)
        dpadded[window] += np.tensordot(dy, w, 1)  # (N, C, HH, WW)
        dw += np.tensordot(dy, padded[window], (0, 0))  # (F, C, HH, WW)
    height, width = x.shape[2:]
    dx = dpadded[:, :, pad : pad + height, pad : pad + width]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def depthwise_forward(x, w):
    """Return `(N, C, OH, OW)`: each channel with its own filter of w `(C, HH, WW)`; no padding."""
    sizes = [a - k + 1 for a, k in zip(x.shape[2:], w.shape[1:], strict=True)]
    out = np.empty((*x.shape[:2], *sizes))
    for i, j, window in windows(out.shape, w, 1):
        out[:, :, i, j] = (x[window] * w).sum(axis=(2, 3))
    return out, (x, w)


def depthwise_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i, j, window in windows(dout.shape, w, 1):
        dy = dout[:, :, i, j, None, None]  # (N, C, 1, 1)
        dx[window] += dy * w
        dw += (dy * x[window]).sum(axis=0)
    return dx, dw

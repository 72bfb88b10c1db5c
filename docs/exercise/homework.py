"""A convolution as a homework has it, (N, C, H, W), with a mistake in its backward pass."""

import numpy as np


def conv_forward(x, w, b, conv_param):
    """Return (N, F, H', W'), and what backward needs."""
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    side_h, side_w = w.shape[2:]
    rows = (padded.shape[2] - side_h) // stride + 1
    columns = (padded.shape[3] - side_w) // stride + 1
    out = np.zeros((len(x), len(w), rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            window = padded[:, :, top : top + side_h, left : left + side_w]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3])) + b
    return out, (x, w, b, conv_param)


def conv_backward(dout, cache):
    """Return dx, dw, db."""
    x, w, _, conv_param = cache
    stride, pad = conv_param["stride"], conv_param["pad"]
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    side_h, side_w = w.shape[2:]
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            top, left = i * stride, j * stride
            place = np.s_[:, :, top : top + side_h, left : left + side_w]
            g = dout[:, :, i, j]
            dw += np.tensordot(g, padded[place], axes=(0, 0))
            dpadded[place] += np.tensordot(g, w[:, :, ::-1, ::-1], axes=(1, 0))  # turned: why?
    dx = dpadded[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]]
    return dx, dw, dout.sum(axis=(0, 2, 3))

"""Mistakes in the backwards of convolutions."""

from __future__ import annotations

import numpy as np

from homework.convolution import conv_backward_naive, depthwise_backward, pad_image, windows
from homework.pairs import CONV, CONV_STRIDE, DEPTHWISE

SQUARE = {"x": (2, 3, 5, 7), "w": (3, 3, 3, 3), "b": (3,)}


def with_filters(dout, cache, change):
    """Return the gradients, with dx computed from changed filters."""
    x, w, *rest = cache
    return conv_backward_naive(dout, (x, change(w), *rest))[0], *conv_backward_naive(dout, cache)[
        1:
    ]


@CONV.wrong("x", kind="rotat|180|flip|turned")
def conv_dx_filters_rotated(dout, cache):
    return with_filters(dout, cache, lambda w: w[:, :, ::-1, ::-1])


@CONV.wrong("x", kind="transpos|turned")
def conv_dx_taps_transposed(dout, cache):
    return with_filters(dout, cache, lambda w: w.swapaxes(2, 3))


@CONV.wrong("x", kind="transpos|turned", inputs=SQUARE)
def conv_dx_channels_transposed(dout, cache):
    return with_filters(dout, cache, lambda w: w.swapaxes(0, 1))


@CONV.wrong("x", kind="flip|turned")
def conv_dx_filters_flipped(dout, cache):
    return with_filters(dout, cache, lambda w: w[:, :, ::-1])


@CONV.wrong("w", kind="rotat|180|flip|turned")
def conv_dw_rotated(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    return dx, dw[:, :, ::-1, ::-1], db


@CONV.wrong("w", kind="transpos|turned", inputs=SQUARE)
def conv_dw_channels_transposed(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    return dx, dw.swapaxes(0, 1), db


def spread(dout, cache, *, stride=None, corner=None, assigns=False):
    """Return dx with another stride, another corner cut out, or shares that replace each other."""
    x, w, _, conv_param = cache
    corner = conv_param["pad"] if corner is None else corner
    padded = np.zeros_like(pad_image(x, conv_param["pad"]))
    for i, j, window in windows(dout.shape, w, stride or conv_param["stride"]):
        share = np.tensordot(dout[:, :, i, j], w, 1)  # (N, C, HH, WW)
        padded[window] = share if assigns else padded[window] + share
    return padded[:, :, corner : corner + x.shape[2], corner : corner + x.shape[3]]


@CONV_STRIDE.wrong("x", kind="stride")
def conv_dx_stride_ignored(dout, cache):
    return spread(dout, cache, stride=1), *conv_backward_naive(dout, cache)[1:]


@CONV.wrong("x", kind="pad|crop|shift")
def conv_dx_padding_not_cropped(dout, cache):
    return spread(dout, cache, corner=0), *conv_backward_naive(dout, cache)[1:]


@CONV.wrong("x", kind="assigned|overwrit")
def conv_dx_assigned(dout, cache):
    return spread(dout, cache, assigns=True), *conv_backward_naive(dout, cache)[1:]


@CONV.wrong("x", kind="shape|pad")
def conv_dx_still_padded(dout, cache):
    x, w, b, conv_param = cache
    padded = (pad_image(x, conv_param["pad"]), w, b, conv_param | {"pad": 0})
    return conv_backward_naive(dout, padded)


@CONV.wrong("x", kind="sample")
def conv_dx_first_sample_only(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    dx[1:] = 0
    return dx, dw, db


@CONV.wrong("x", kind="channel")
def conv_dx_first_channel_only(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    dx[:, 1:] = 0
    return dx, dw, db


@CONV.wrong("x", kind="border|edge")
def conv_dx_border_zero(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    inside = np.zeros_like(dx)
    inside[:, :, 1:-1, 1:-1] = dx[:, :, 1:-1, 1:-1]
    return inside, dw, db


@CONV.wrong("x", "w", "b", kind="row|ignored|last output")
def conv_last_row_forgotten(dout, cache):
    seen = dout.copy()
    seen[:, :, -1] = 0
    return conv_backward_naive(seen, cache)


@CONV.wrong("w", kind="assigned|overwrit|last output")
def conv_dw_assigned(dout, cache):
    x, w, _, conv_param = cache
    dx, dw, db = conv_backward_naive(dout, cache)
    padded = pad_image(x, conv_param["pad"])
    for i, j, window in windows(dout.shape, w, conv_param["stride"]):
        dw = np.tensordot(dout[:, :, i, j], padded[window], (0, 0))
    return dx, dw, db


@CONV_STRIDE.wrong("w", kind="stride")
def conv_dw_stride_ignored(dout, cache):
    x, w, _, conv_param = cache
    dx, _, db = conv_backward_naive(dout, cache)
    padded, dw = pad_image(x, conv_param["pad"]), np.zeros_like(w)
    for i, j, window in windows(dout.shape, w, 1):
        dw += np.tensordot(dout[:, :, i, j], padded[window], (0, 0))
    return dx, dw, db


@CONV.wrong("w", kind="mean over|ratio 0.5")
def conv_dw_divided_by_n(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    return dx, dw / len(dout), db


@CONV.wrong("w", kind="sample|last|assigned")
def conv_dw_of_last_sample(dout, cache):
    dx, _, db = conv_backward_naive(dout, cache)
    x, *rest = cache
    return dx, conv_backward_naive(dout[-1:], (x[-1:], *rest))[1], db


@CONV.wrong("w", kind="channel")
def conv_dw_first_channel_only(dout, cache):
    dx, dw, db = conv_backward_naive(dout, cache)
    dw[:, 1:] = 0
    return dx, dw, db


@CONV.wrong("b", kind="sample")
def conv_db_of_first_sample(dout, cache):
    return *conv_backward_naive(dout, cache)[:2], dout[0].sum(axis=(1, 2))


@CONV.wrong("b", kind="mean over|ratio")
def conv_db_averaged(dout, cache):
    return *conv_backward_naive(dout, cache)[:2], dout.mean(axis=(0, 2, 3))


@CONV.wrong("b", kind="mean over .*position|ratio")
def conv_db_averaged_over_positions(dout, cache):
    return *conv_backward_naive(dout, cache)[:2], dout.mean(axis=(2, 3)).sum(axis=0)


@CONV.wrong("b", kind="shape")
def conv_db_summed_over_the_wrong_axes(dout, cache):
    return *conv_backward_naive(dout, cache)[:2], dout.sum(axis=(0, 1, 2))


@DEPTHWISE.wrong("x", kind="channel|filter")
def depthwise_dx_of_one_filter(dout, cache):
    x, w = cache
    dx, _ = depthwise_backward(dout, (x, np.broadcast_to(w[:1], w.shape)))
    return dx, depthwise_backward(dout, cache)[1]


@DEPTHWISE.wrong("w", kind="channel")
def depthwise_dw_summed_over_channels(dout, cache):
    dx, dw = depthwise_backward(dout, cache)
    return dx, np.zeros_like(dw) + dw.sum(axis=0)

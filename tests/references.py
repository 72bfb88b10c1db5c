"""Layers as nested loops that anyone can read: what the fast kernels are held against.

No padding is ever made here: a tap outside the image is skipped. Every function returns the output
and the gradients that dy brings, by the names of the glossary.
"""

import numpy as np

SIZES = ("filters", "kernel_size", "depth_multiplier", "output_padding", "use_bias")
"""Options that the arrays' shapes say already."""


def run(layer, arrays, options):
    """Return y, dx, dw and db of a layer called `layer` for arrays x, dy and perhaps w, b."""
    options = {key: value for key, value in options.items() if key not in SIZES}
    return globals()[layer](**arrays, **options)


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def sides(size, kernel, stride, padding, dilation=1):
    """Return the rows of padding before and after, and the number of positions, along one axis."""
    reach = dilation * (kernel - 1) + 1
    if padding == "valid":
        before = after = 0
    elif padding == "same":
        total = max((-(-size // stride) - 1) * stride + reach - size, 0)
        before, after = total // 2, total - total // 2
    else:
        before = after = padding
    return before, after, (size + before + after - reach) // stride + 1


def axes(size, kernel, stride, padding, dilation=1):
    """Return `sides` of both axes."""
    paddings = (padding, padding) if isinstance(padding, str) else pair(padding)
    arguments = (size, pair(kernel), pair(stride), paddings, pair(dilation))
    return [sides(*values) for values in zip(*arguments, strict=True)]


def seen(size, position, tap, stride, dilation, before):
    """Return the pixel that a tap sees along one axis, or None on the padding."""
    pixel = position * stride + tap * dilation - before
    return pixel if 0 <= pixel < size else None


def visits(shape, kernel, stride, padding, dilation=1):
    """Yield every (n, i, j, p, q, row, column): tap p, q at position i, j sees that pixel."""
    (kh, kw), (sy, sx), (ey, ex) = pair(kernel), pair(stride), pair(dilation)
    (top, _, out_high), (left, _, out_wide) = axes(shape[1:3], kernel, stride, padding, dilation)
    for n in range(shape[0]):
        for i in range(out_high):
            for j in range(out_wide):
                for p in range(kh):
                    for q in range(kw):
                        row = seen(shape[1], i, p, sy, ey, top)
                        column = seen(shape[2], j, q, sx, ex, left)
                        if row is not None and column is not None:
                            yield n, i, j, p, q, row, column


def output_shape(shape, channels, kernel, stride, padding, dilation=1):
    (_, _, high), (_, _, wide) = axes(shape[1:3], kernel, stride, padding, dilation)
    return shape[0], high, wide, channels


def conv2d(x, w, dy, b=0.0, stride=1, padding="valid", dilation=1, groups=1):
    kernel, filters = w.shape[:2], w.shape[3]
    y = np.zeros(output_shape(x.shape, filters, kernel, stride, padding, dilation))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for n, i, j, p, q, row, column in visits(x.shape, kernel, stride, padding, dilation):
        for f in range(filters):
            first = f // (filters // groups) * w.shape[2]
            for c in range(w.shape[2]):
                y[n, i, j, f] += w[p, q, c, f] * x[n, row, column, first + c]
                dw[p, q, c, f] += dy[n, i, j, f] * x[n, row, column, first + c]
                dx[n, row, column, first + c] += dy[n, i, j, f] * w[p, q, c, f]
    return {"y": y + b, "dx": dx, "dw": dw, "db": dy.sum((0, 1, 2))}


def depthwise_conv2d(x, w, dy, b=0.0, stride=1, padding="valid", dilation=1):
    kernel, (channels, multiplier) = w.shape[:2], w.shape[2:]
    y = np.zeros(output_shape(x.shape, channels * multiplier, kernel, stride, padding, dilation))
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for n, i, j, p, q, row, column in visits(x.shape, kernel, stride, padding, dilation):
        for c in range(channels):
            for m in range(multiplier):
                f = c * multiplier + m
                y[n, i, j, f] += w[p, q, c, m] * x[n, row, column, c]
                dw[p, q, c, m] += dy[n, i, j, f] * x[n, row, column, c]
                dx[n, row, column, c] += dy[n, i, j, f] * w[p, q, c, m]
    return {"y": y + b, "dx": dx, "dw": dw, "db": dy.sum((0, 1, 2))}


def conv2d_transpose(x, w, dy, b=0.0, stride=1, padding="valid", dilation=1):
    """The output's size is dy's; the window of the conv2d it is the adjoint of stands on y."""
    kernel, (filters, channels) = w.shape[:2], w.shape[2:]
    y, dx, dw = np.zeros_like(dy), np.zeros_like(x), np.zeros_like(w)
    for n, i, j, p, q, row, column in visits(dy.shape, kernel, stride, padding, dilation):
        for f in range(filters):
            for c in range(channels):
                y[n, row, column, f] += w[p, q, f, c] * x[n, i, j, c]
                dw[p, q, f, c] += dy[n, row, column, f] * x[n, i, j, c]
                dx[n, i, j, c] += dy[n, row, column, f] * w[p, q, f, c]
    return {"y": y + b, "dx": dx, "dw": dw, "db": dy.sum((0, 1, 2))}


def max_pool2d(x, dy, pool_size=2, stride=None, padding="valid"):
    """The first of equal values in row-major order wins, and the first of several NaN."""
    stride = pool_size if stride is None else stride
    y = np.full(output_shape(x.shape, x.shape[3], pool_size, stride, padding), -np.inf)
    origin = {}
    for n, i, j, _, _, row, column in visits(x.shape, pool_size, stride, padding):
        for c in range(x.shape[3]):
            value, best = x[n, row, column, c], y[n, i, j, c]
            wins = value > best or (np.isnan(value) and not np.isnan(best))
            if wins or (n, i, j, c) not in origin:
                y[n, i, j, c] = value
                origin[n, i, j, c] = (n, row, column, c)
    dx = np.zeros_like(x)
    for position, pixel in origin.items():
        dx[pixel] += dy[position]
    return {"y": y, "dx": dx}


def avg_pool2d(x, dy, pool_size=2, stride=None, padding="valid", count_padding=True):
    stride = pool_size if stride is None else stride
    y = np.zeros(output_shape(x.shape, x.shape[3], pool_size, stride, padding))
    cells = np.zeros(y.shape)
    for n, i, j, _, _, row, column in visits(x.shape, pool_size, stride, padding):
        y[n, i, j] += x[n, row, column]
        cells[n, i, j] += 1
    if count_padding:
        cells[...] = np.prod(pair(pool_size))
    dx = np.zeros_like(x)
    for n, i, j, _, _, row, column in visits(x.shape, pool_size, stride, padding):
        dx[n, row, column] += dy[n, i, j] / cells[n, i, j]
    return {"y": y / cells, "dx": dx}


def global_avg_pool2d(x, dy):
    samples, high, wide, channels = x.shape
    y, dx = np.zeros((samples, channels)), np.zeros_like(x)
    for i in range(high):
        for j in range(wide):
            y += x[:, i, j] / (high * wide)
            dx[:, i, j] = dy / (high * wide)
    return {"y": y, "dx": dx}

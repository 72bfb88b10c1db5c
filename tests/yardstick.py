"""The same layers in PyTorch, an independent implementation; returns what `references` returns."""

import numpy as np
from references import SIZES, axes


def run(layer, arrays, options):
    """Return y, dx, dw and db of a layer called `layer` for arrays x, dy and perhaps w, b."""
    import torch

    given = {
        name: torch.tensor(array, requires_grad=name != "dy") for name, array in arrays.items()
    }
    image = given["x"].permute(0, 3, 1, 2)
    options = {key: value for key, value in options.items() if key not in SIZES}
    y = globals()[f"_{layer}"](image, given, **options)
    y = y.permute(0, 2, 3, 1) if y.ndim == 4 else y
    y.backward(given["dy"])
    found = {"y": y.detach(), **{f"d{name}": given[name].grad for name in given if name != "dy"}}
    return {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in found.items()}


def _pad(image, kernel, stride, padding, dilation=1, value=0.0):
    from torch.nn.functional import pad

    vertical, horizontal = axes(tuple(image.shape[2:]), kernel, stride, padding, dilation)
    return pad(image, (*horizontal[:2], *vertical[:2]), value=value)


def _conv2d(image, given, stride=1, padding="valid", dilation=1, groups=1):
    from torch.nn.functional import conv2d

    w = given["w"].permute(3, 2, 0, 1).contiguous()  # (F, C, KH, KW)
    image = _pad(image, tuple(w.shape[2:]), stride, padding, dilation)
    return conv2d(image, w, given.get("b"), stride=stride, dilation=dilation, groups=groups)


def _depthwise_conv2d(image, given, stride=1, padding="valid", dilation=1):
    from torch.nn.functional import conv2d

    kernel, channels = tuple(given["w"].shape[:2]), image.shape[1]
    w = given["w"].permute(2, 3, 0, 1).reshape(-1, 1, *kernel).contiguous()  # (C*M, 1, KH, KW)
    image = _pad(image, kernel, stride, padding, dilation)
    return conv2d(image, w, given.get("b"), stride=stride, dilation=dilation, groups=channels)


def _conv2d_transpose(image, given, stride=1, padding="valid", dilation=1):
    from torch.nn.functional import conv_transpose2d, pad

    w = given["w"].permute(3, 2, 0, 1).contiguous()  # (C, F, KH, KW)
    high, wide = given["dy"].shape[1:3]
    (top, *_), (left, *_) = axes((high, wide), tuple(w.shape[2:]), stride, padding, dilation)
    whole = conv_transpose2d(image, w, stride=stride, dilation=dilation)
    whole = whole[:, :, top : top + high, left : left + wide]
    rest = (0, wide - whole.shape[3], 0, high - whole.shape[2])  # rows that no window reaches
    return pad(whole, rest) + given["b"].reshape(1, -1, 1, 1)


def _max_pool2d(image, given, pool_size=2, stride=None, padding="valid"):
    from torch.nn.functional import max_pool2d

    stride = pool_size if stride is None else stride
    return max_pool2d(_pad(image, pool_size, stride, padding, value=-np.inf), pool_size, stride)


def _avg_pool2d(image, given, pool_size=2, stride=None, padding="valid", count_padding=True):
    from torch import ones_like
    from torch.nn.functional import avg_pool2d

    stride = pool_size if stride is None else stride
    total = avg_pool2d(_pad(image, pool_size, stride, padding), pool_size, stride)
    if count_padding:
        return total
    share = avg_pool2d(_pad(ones_like(image), pool_size, stride, padding), pool_size, stride)
    return total / share.detach()


def _global_avg_pool2d(image, given):
    return image.mean((2, 3))

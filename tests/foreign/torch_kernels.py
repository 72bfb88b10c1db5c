"""Kernels for PyTorch that compute in float32 alone or by mistake, and their references."""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd import Function


class Narrow(Function):
    @staticmethod
    def forward(ctx, x):
        return x.float().exp()

    @staticmethod
    def backward(ctx, dy):
        return dy


class NarrowHidden(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.float().exp().double()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        return dy * ctx.saved_tensors[0]


class NarrowBackward(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.exp()

    @staticmethod
    def backward(ctx, dy):
        return dy.float() * ctx.saved_tensors[0].float().exp()


class Silu32(Function):
    """A kernel that computes in float32 alone."""

    @staticmethod
    def forward(ctx, x, w):
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        ctx.save_for_backward(x, w)
        return x * torch.sigmoid(x * w)

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        s = torch.sigmoid(x * w)
        common = dy * x * s * (1 - s)
        return dy * s + common * w, (common * x).sum(0)


class Silu32Wrong(Silu32):
    @staticmethod
    def backward(ctx, dy):
        dx, dw = Silu32.backward(ctx, dy)
        return dx, dw * 1.01


class Silu32Other(Silu32):
    @staticmethod
    def forward(ctx, x, w):
        return 1.001 * Silu32.forward(ctx, x, w)


def silu(x, w):
    return x * torch.sigmoid(x * w)


def silu_numpy(x, w):
    return x / (1 + np.exp(-np.multiply(x, w, dtype=np.float64)))


def backwards_by_name(*, w, x):
    return silu(x, w)


def silu_sums(x, w):
    return silu(x, w).sum(0)


def silu_narrow(x, w):
    return silu(x, w).float()

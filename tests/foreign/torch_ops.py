"""Backward passes written for PyTorch: right ones, and wrong ones that the tests name."""

from __future__ import annotations

import torch
from torch import nn
from torch.autograd import Function


class Scale(Function):
    """x * w + b, w and b for each column."""

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x * w + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, (dy * x).sum(0), dy.sum(0)


class ScaleWrong(Scale):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, (dy * x).mean(0), dy.sum(0)


class ScaleNone(Scale):
    @staticmethod
    def backward(ctx, dy):
        dx, _, db = Scale.backward(ctx, dy)
        return dx, None, db


class ScaleShape(Scale):
    @staticmethod
    def backward(ctx, dy):
        dx, dw, db = Scale.backward(ctx, dy)
        return dx, dw[:2], db


class ScaleFew(Scale):
    @staticmethod
    def backward(ctx, dy):
        return Scale.backward(ctx, dy)[:2]


class ScaleCrash(Scale):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        return dy * w, x.T @ w, dy.sum(0)


class ScaleInPlace(Scale):
    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        x *= 2
        return x * w + b


class ScaleWritesUpstream(Scale):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        gradients = (dy * x).sum(0), dy.sum(0)
        dy *= w
        return dy, *gradients


class ScaleAsIfContiguous(Scale):
    @staticmethod
    def backward(ctx, dy):
        raw = torch.as_strided(dy, dy.shape, (dy.shape[1], 1))  # as a kernel reads a pointer
        return Scale.backward(ctx, raw)


class ScaleHidden(Scale):
    @staticmethod
    def forward(ctx, x, w, b):
        ScaleHidden.kept = x, w
        return x * w + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ScaleHidden.kept
        return dy * w, (dy * x).sum(0), dy.sum(0)


class Pick(Function):
    """Rows of a table by number, times a power; and their sums. Written with setup_context."""

    @staticmethod
    def forward(table, rows, power=2):
        return table[rows] ** power, table[rows].sum(1), rows

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.table, ctx.rows, ctx.power = inputs
        ctx.mark_non_differentiable(output[2])

    @staticmethod
    def backward(ctx, dy, dsum, _):
        rows = ctx.table[ctx.rows]
        each = dy * ctx.power * rows ** (ctx.power - 1) + dsum[:, None]
        return torch.zeros_like(ctx.table).index_add(0, ctx.rows, each), None, None


pick = Pick.apply


def hooked(x, w):
    h = x * w
    h.register_hook(lambda gradient: gradient)
    return torch.tanh(h)


def hooked_wrong(x, w):
    h = x * w
    h.register_hook(lambda gradient: 0.5 * gradient)
    return torch.tanh(h)


def detached(x):
    return x.detach() * 2


def random(x):
    return x * (torch.rand_like(x) > 0.5)


@torch.library.custom_op("cnnrun_tests::cube", mutates_args=())
def cube(x: torch.Tensor) -> torch.Tensor:
    return x**3


def _cube_context(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


cube.register_autograd(
    lambda ctx, dy: 2 * dy * ctx.saved_tensors[0] ** 2, setup_context=_cube_context
)


class Block(nn.Module):
    """A norm that counts in its buffers, a layer that writes in place, and one of one's own."""

    def __init__(self, width, function=Scale):
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm1d(width)
        self.b = nn.Parameter(torch.zeros(width))
        self.unused = nn.Parameter(torch.ones(2))
        self.frozen = nn.Parameter(torch.ones(width), requires_grad=False)
        self.function = function

    def forward(self, x):
        h = torch.relu_(self.norm(self.linear(x)))
        return self.function.apply(h, self.frozen + self.b, self.b)


class WrongBlock(Block):
    def __init__(self, width):
        super().__init__(width, ScaleWrong)


block = nn.Sequential(Block(3), nn.Dropout(0.5)).eval()


class ScaleWritesInput(Scale):
    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        gradients = dy * w, (dy * x).sum(0), dy.sum(0)
        x.mul_(2)
        return gradients


class ScaleNoisy(Scale):
    @staticmethod
    def backward(ctx, dy):
        return tuple(d * (1 + 4e-15 * torch.rand_like(d)) for d in Scale.backward(ctx, dy))


class Dirty(Function):
    """Writes in place, and says so."""

    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(3)

    @staticmethod
    def backward(ctx, dy):
        return 3 * dy


dirty = Dirty.apply
linear = nn.Linear(3, 3)
TWO = 2


def infinite(x):
    return x.abs() / (x - x)[:, :1].abs()


def nothing(x):
    x * 2


def a_list_of_numbers(x):
    return [x.sum().item()]

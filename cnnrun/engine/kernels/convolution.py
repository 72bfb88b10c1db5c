"""Convolution and its two gradients, each by the method that is fastest for the geometry.

Every method computes the same sums in its own way: `columns` gathers what each window sees and
multiplies matrices, for any geometry; `winograd` saves multiplications, where windows stand dense.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels import columns, winograd
from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = [
    "METHODS",
    "MethodName",
    "convolve",
    "filter_gradient",
    "input_gradient",
    "winograd_pays",
]

MethodName = Literal["auto", "columns", "winograd"]
"""What a configuration may ask for; a method that cannot do a geometry leaves it to columns."""

FEWEST_CHANNELS = 3
"""Below, a run of what a window sees is too short for Winograd's products; measured."""


class Method(Protocol):
    """The functions of a module of kernels; see `columns` for their arguments."""

    def convolve(
        self, x: Array, w: Array, window: Window, y: Array, scratch: Scratch, b: Array | None = None
    ) -> None: ...

    def filter_gradient(
        self, x: Array, dy: Array, window: Window, dw: Array, scratch: Scratch
    ) -> None: ...

    def input_gradient(
        self, dy: Array, w: Array, window: Window, dx: Array, scratch: Scratch
    ) -> None: ...


METHODS: dict[str, Method] = {"columns": columns, "winograd": winograd}


def winograd_pays(window: Window, channels: int, filters: int) -> bool:
    """Return whether Winograd's method is faster for so many channels and filters of a group."""
    if not winograd.fits(window) or min(channels, filters) < FEWEST_CHANNELS:
        return False
    (high, wide), (high_out, wide_out) = window.kernel, window.output_size
    return winograd.multiplications(window) < 0.7 * high * wide * high_out * wide_out


def convolve(
    method: str, x: Array, w: Array, b: Array | None, window: Window, y: Array, scratch: Scratch
) -> None:
    """Write the convolution of x with w, plus b, into y.

    With groups, the g-th block of filters sees the g-th block of channels.

    Args:
        method: of `METHODS`; one that cannot do this window leaves it to `columns`.
        x: `(N, H, W, G*C)`, the input.
        w: `(KH, KW, C, F)`, the filters.
        b: `(F,)`, the bias.
        window: the geometry.
        y: `(N, OH, OW, F)`, C-contiguous; overwritten.
        scratch: where temporary arrays come from.
    """
    kernels = _kernels(method, window)
    for of_x, of_w in _groups(x, w):
        bias = None if b is None else b[of_w]
        kernels.convolve(x[..., of_x], w[..., of_w], window, y[..., of_w], scratch, bias)


def filter_gradient(
    method: str, x: Array, dy: Array, window: Window, dw: Array, scratch: Scratch
) -> None:
    """Write the loss gradient with respect to the filters into dw.

    Args:
        method: as for `convolve`.
        x: `(N, H, W, G*C)`, the input of the forward pass.
        dy: `(N, OH, OW, F)`, the loss gradient of its output.
        window: the geometry.
        dw: `(KH, KW, C, F)`, C-contiguous; overwritten.
        scratch: where temporary arrays come from.
    """
    kernels = _kernels(method, window)
    for of_x, of_w in _groups(x, dw):
        kernels.filter_gradient(x[..., of_x], dy[..., of_w], window, dw[..., of_w], scratch)


def input_gradient(
    method: str, dy: Array, w: Array, window: Window, dx: Array, scratch: Scratch
) -> None:
    """Write the loss gradient with respect to the input into dx.

    Args:
        method: as for `convolve`.
        dy: `(N, OH, OW, F)`, the loss gradient of the output.
        w: `(KH, KW, C, F)`, the filters.
        window: the geometry.
        dx: `(N, H, W, G*C)`, C-contiguous; overwritten.
        scratch: where temporary arrays come from.
    """
    kernels = _kernels(method, window)
    for of_x, of_w in _groups(dx, w):
        kernels.input_gradient(dy[..., of_w], w[..., of_w], window, dx[..., of_x], scratch)


def _kernels(method: str, window: Window) -> Method:
    return columns if method == "winograd" and not winograd.fits(window) else METHODS[method]


def _groups(x: Array, w: Array) -> Iterator[tuple[slice, slice]]:
    """Yield each group's channels of x and filters of w."""
    groups = x.shape[3] // w.shape[2]
    channels, filters = w.shape[2], w.shape[3] // groups
    for group in range(groups):
        yield (
            slice(group * channels, (group + 1) * channels),
            slice(group * filters, (group + 1) * filters),
        )

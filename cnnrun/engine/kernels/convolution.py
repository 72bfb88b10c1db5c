"""Convolution and its two gradients, each by the method that is fastest for the geometry.

Every method computes the same sums in its own way: `columns` gathers what each window sees and
multiplies matrices, for any geometry; `winograd` saves multiplications, where windows stand dense.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.engine.kernels import columns, winograd
from cnnrun.engine.kernels.windows import Scratch
from cnnrun.engine.types import Array

__all__ = ["Convolution", "MethodName"]

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


@dataclass(frozen=True)
class Convolution:
    """A convolution of one geometry, with the method chosen for it.

    With groups, the g-th block of filters sees the g-th block of channels.

    Attributes:
        window: the geometry.
        method: of `METHODS`; what is not float32 is summed directly all the same, unless `forced`.
    """

    window: Window
    method: str
    forced: bool = False

    @classmethod
    def plan(
        cls,
        window: Window,
        channels: int,
        filters: int,
        dtype: np.dtype[Any],
        wanted: MethodName = "auto",
    ) -> Convolution:
        """Choose a method for so many channels and filters of one group.

        `auto` takes Winograd's only in float32, so that gradients are checked on the direct sums.
        """
        if wanted == "columns" or not winograd.fits(window):
            return cls(window, "columns")
        if wanted == "winograd":
            return cls(window, "winograd", forced=True)
        (high, wide), (high_out, wide_out) = window.kernel, window.output_size
        direct = high * wide * high_out * wide_out
        pays = (
            min(channels, filters) >= FEWEST_CHANNELS
            and dtype == np.float32
            and winograd.multiplications(window) < 0.7 * direct
        )
        return cls(window, "winograd" if pays else "columns")

    def _kernels(self, dtype: np.dtype[Any]) -> Method:
        """Return the method for arrays of a type: a layer may be converted once it is built."""
        direct = dtype != np.float32 and not self.forced
        return METHODS["columns" if direct else self.method]

    def forward(self, x: Array, w: Array, b: Array | None, y: Array, scratch: Scratch) -> None:
        """Write the convolution of x with w, plus b, into y.

        Args:
            x: `(N, H, W, G*C)`, the input.
            w: `(KH, KW, C, F)`, the filters.
            b: `(F,)`, the bias.
            y: `(N, OH, OW, F)`, C-contiguous; overwritten.
            scratch: where temporary arrays come from.
        """
        convolve = self._kernels(x.dtype).convolve
        for own_channels, own_filters in _groups(x, w):
            own_bias = None if b is None else b[own_filters]
            seen, found = x[..., own_channels], y[..., own_filters]
            convolve(seen, w[..., own_filters], self.window, found, scratch, own_bias)

    def filter_gradient(self, x: Array, dy: Array, dw: Array, scratch: Scratch) -> None:
        """Write the loss gradient with respect to the filters into dw.

        Args:
            x: `(N, H, W, G*C)`, the input of the forward pass.
            dy: `(N, OH, OW, F)`, the loss gradient of its output.
            dw: `(KH, KW, C, F)`, C-contiguous; overwritten.
            scratch: where temporary arrays come from.
        """
        gradient = self._kernels(x.dtype).filter_gradient
        for own_channels, own_filters in _groups(x, dw):
            seen, errors = x[..., own_channels], dy[..., own_filters]
            gradient(seen, errors, self.window, dw[..., own_filters], scratch)

    def input_gradient(self, dy: Array, w: Array, dx: Array, scratch: Scratch) -> None:
        """Write the loss gradient with respect to the input into dx.

        Args:
            dy: `(N, OH, OW, F)`, the loss gradient of the output.
            w: `(KH, KW, C, F)`, the filters.
            dx: `(N, H, W, G*C)`, C-contiguous; overwritten.
            scratch: where temporary arrays come from.
        """
        gradient = self._kernels(dy.dtype).input_gradient
        for own_channels, own_filters in _groups(dx, w):
            errors, found = dy[..., own_filters], dx[..., own_channels]
            gradient(errors, w[..., own_filters], self.window, found, scratch)


def _groups(x: Array, w: Array) -> Iterator[tuple[slice, slice]]:
    """Yield each group's channels of x and filters of w."""
    groups = x.shape[3] // w.shape[2]
    channels, filters = w.shape[2], w.shape[3] // groups
    for group in range(groups):
        yield (
            slice(group * channels, (group + 1) * channels),
            slice(group * filters, (group + 1) * filters),
        )

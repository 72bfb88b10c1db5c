"""Where a sliding window stands: padding, stride and dilation turned into sizes.

Convolution and pooling share this arithmetic: along one axis of size `in`, padded by `before` and
`after`, a window of `k` taps that lie `d` apart and moves by `s` gives
`floor((in + before + after - d(k - 1) - 1) / s) + 1` outputs.
"""

from __future__ import annotations

from dataclasses import dataclass

from cnnrun.engine.names import format_size
from cnnrun.engine.types import Padding, Pair, Shape, as_pair
from cnnrun.errors import ShapeError

__all__ = ["Window", "require_image", "transposed_size"]


def require_image(shape: Shape, layer: str) -> tuple[int, int, int]:
    """Return `shape` as (height, width, channels).

    Raises:
        ShapeError: it has another number of axes.
    """
    if len(shape) != 3:
        raise ShapeError(
            f"{layer} needs an input of height x width x channels, got {format_size(shape)}; "
            "put it before flatten"
        )
    return shape[0], shape[1], shape[2]


@dataclass(frozen=True)
class Window:
    """A window sliding over an image; every pair is (height, width).

    Attributes:
        kernel: taps along each axis.
        stride: pixels from one position to the next.
        dilation: pixels from one tap to the next.
        before: zero rows above and columns to the left.
        after: zero rows below and columns to the right.
        input_size: the image, without padding.
        output_size: the number of positions.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]
    input_size: tuple[int, int]
    output_size: tuple[int, int]

    @property
    def padded_size(self) -> tuple[int, int]:
        """The size of the padded image."""
        return (
            self.input_size[0] + self.before[0] + self.after[0],
            self.input_size[1] + self.before[1] + self.after[1],
        )

    @property
    def is_padded(self) -> bool:
        """Whether there is any padding at all."""
        return any(self.before) or any(self.after)

    @classmethod
    def fit(
        cls,
        input_size: tuple[int, int],
        kernel: Pair,
        stride: Pair = 1,
        padding: Padding = "valid",
        dilation: Pair = 1,
        option: str = "kernel_size",
    ) -> Window:
        """Place a window on an image of `input_size`; options may be as a configuration has them.

        `padding` is `valid` (none), `same` (as many positions as `ceil(input / stride)`; an odd
        row goes below, an odd column to the right, as in TensorFlow), one number for all four
        sides, or (height, width).

        Raises:
            ShapeError: the window is larger than the padded image; `option` names its size.
        """
        kernel, stride, dilation = as_pair(kernel), as_pair(stride), as_pair(dilation)
        before, after = _resolve_padding(input_size, kernel, stride, padding, dilation)
        output = [0, 0]
        for axis in (0, 1):
            reach = dilation[axis] * (kernel[axis] - 1) + 1
            room = input_size[axis] + before[axis] + after[axis] - reach
            if room < 0:
                size = kernel[0] if kernel[0] == kernel[1] else format_size(kernel)
                dilated = f" with dilation {format_size(dilation)}" if dilation != (1, 1) else ""
                said = padding if isinstance(padding, str | int) else format_size(before)
                raise ShapeError(
                    f"{option} {size}{dilated} does not fit an input of {format_size(input_size)} "
                    f"(padding {said})",
                    option=option,
                )
            output[axis] = room // stride[axis] + 1
        return cls(kernel, stride, dilation, before, after, input_size, (output[0], output[1]))

    @classmethod
    def for_pooling(
        cls, input_size: tuple[int, int], pool_size: Pair, stride: Pair | None, padding: Padding
    ) -> Window:
        """Place a pooling window, whose stride is its size unless it is given.

        Raises:
            ShapeError: the window does not fit, or could come to lie on padding alone.
        """
        size = as_pair(pool_size)
        step = size if stride is None else as_pair(stride)
        window = cls.fit(input_size, size, step, padding, option="pool_size")
        for axis in (0, 1):
            if max(window.before[axis], window.after[axis]) >= size[axis]:
                raise ShapeError(
                    f"padding {format_size(window.before)} must be smaller than pool_size "
                    f"{format_size(size)}, or a window would see nothing but padding",
                    option="padding",
                )
        return window


def _resolve_padding(
    input_size: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: Padding,
    dilation: tuple[int, int],
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the padding (top, left) and (bottom, right)."""
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        totals = []
        for axis in (0, 1):
            positions = -(-input_size[axis] // stride[axis])
            reach = dilation[axis] * (kernel[axis] - 1) + 1
            totals.append(max((positions - 1) * stride[axis] + reach - input_size[axis], 0))
        before = (totals[0] // 2, totals[1] // 2)
        return before, (totals[0] - before[0], totals[1] - before[1])
    if isinstance(padding, int):
        return (padding, padding), (padding, padding)
    both = (int(padding[0]), int(padding[1]))
    return both, both


def transposed_size(
    size: tuple[int, int],
    kernel: Pair,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    output_padding: Pair | int | tuple[int, int],
) -> tuple[int, int]:
    """Return the output size of a transposed convolution: `(in-1)s - 2p + d(k-1) + 1 + extra`.

    With padding `same` it is `in * s`.

    Raises:
        ShapeError: the padding crops everything.
    """
    kernel, stride, dilation = as_pair(kernel), as_pair(stride), as_pair(dilation)
    if padding == "same":
        return size[0] * stride[0], size[1] * stride[1]
    cropped = (0, 0) if isinstance(padding, str) else as_pair(padding)
    extra = as_pair(output_padding)
    high, wide = (
        (size[axis] - 1) * stride[axis]
        - 2 * cropped[axis]
        + dilation[axis] * (kernel[axis] - 1)
        + 1
        + extra[axis]
        for axis in (0, 1)
    )
    if high < 1 or wide < 1:
        raise ShapeError(
            f"padding {padding} crops everything: an input of {format_size(size)} "
            f"would give an output of {high}x{wide}",
            option="padding",
        )
    return high, wide

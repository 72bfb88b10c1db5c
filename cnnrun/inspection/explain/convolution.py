"""The lecture's convolution, for any geometry: every output, every gradient, and both takeaways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrun.engine.geometry import Window
from cnnrun.engine.layers import Conv2D
from cnnrun.engine.types import Padding
from cnnrun.inspection.explain.algebra import gradient
from cnnrun.inspection.explain.bounds import choose_entries, require_small
from cnnrun.inspection.explain.document import (
    Equation,
    Explanation,
    Matrix,
    Namer,
    Section,
    Takeaway,
)

__all__ = ["explain_conv2d"]

WIDEST_MATRIX = 9
"""A matrix with more rows or columns is not drawn."""


def explain_conv2d(
    input_shape: tuple[int, int, int],
    kernel: tuple[int, int],
    *,
    filters: int = 1,
    stride: tuple[int, int] = (1, 1),
    padding: Padding = "valid",
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    element: Sequence[int] | None = None,
) -> tuple[Explanation, Conv2D]:
    """Return the explanation of a convolution, and the layer that it explains.

    Args:
        input_shape: height, width, channels.
        kernel: height and width of a filter.
        filters: how many.
        stride: pixels from one window to the next.
        padding: as in a configuration.
        dilation: pixels from one tap to the next.
        groups: into how many the channels are cut.
        element: row, column, ... of the one entry of each array to spell out, from 1.

    Raises:
        ShapeError: the filter does not fit the input.
        ConfigError: there is too much to spell out.
    """
    config = Conv2D.Config(
        filters, kernel, stride, padding, dilation, groups=groups, use_bias=False
    )
    layer = Conv2D(config, input_shape)
    written = _Convolution(layer)
    outputs = None
    if element is None:
        count = int(np.prod(layer.output_shape))
        require_small(count + written.size, 3 * count * written.taps)
        outputs = [written.output(index) for index in np.ndindex(*layer.output_shape)]
    image = _by(input_shape if input_shape[2] > 1 else input_shape[:2])
    explanation = Explanation(f"Convolution of a {image} input X with {written.filters}")
    explanation.legend = written.legend()
    chosen = [written.output(index) for index in choose_entries(layer.output_shape, element)]
    explanation.sections = [
        Section("output", "Forward pass: the output O", chosen, array="O"),
        Section(
            "filter_gradient",
            "Loss gradient with respect to the filter",
            written.gradients("F", element, outputs),
            intro="dL/dF_i = sum over outputs k of dL/dO_k * dO_k/dF_i, and dO_k/dF_i is the "
            "input that the tap was multiplied with.",
            array="F",
        ),
        Section(
            "input_gradient",
            "Loss gradient with respect to the input",
            written.gradients("X", element, outputs),
            intro="dL/dX_i = sum over outputs k of dL/dO_k * dO_k/dX_i, and dO_k/dX_i is the "
            "tap that the input was multiplied with.",
            array="X",
        ),
    ]
    explanation.takeaways = written.takeaways()
    explanation.notes = written.notes()
    return explanation, layer


class _Convolution:
    """Symbols of one convolution, and what is made of them."""

    def __init__(self, layer: Conv2D) -> None:
        self.layer, self.window = layer, layer.window
        self.shape = layer.input_shape
        channels, filters = self.shape[2], layer.config.filters
        self.w_shape = layer.params["w"].shape
        self.group_channels = channels // layer.config.groups
        self.group_filters = filters // layer.config.groups
        several = channels > 1 or filters > 1
        self.x = Namer("X", self.shape[:2], (channels,))
        self.f = Namer("F", self.window.kernel, self.w_shape[2:], always=several)
        self.o = Namer("O", layer.output_shape[:2], (filters,))
        plural = f"{filters} filters F" if filters > 1 else "the filter F"
        self.filters = f"{plural} of {_by(self.window.kernel)}"
        self.size = int(np.prod(self.shape)) + int(np.prod(self.w_shape))
        self.taps = int(np.prod(self.w_shape[:3]))

    def output(self, index: tuple[int, ...]) -> Equation:
        """Return O at `index` as the products of the inputs and taps it is made of."""
        row, column, own = index
        group = own // self.group_filters
        terms = []
        for i, j in np.ndindex(*self.window.kernel):
            place = _place(self.window, (row, column), (i, j))
            if place is None:  # padding, which is zero
                continue
            for channel in range(self.group_channels):
                seen = (*place, group * self.group_channels + channel)
                terms.append((self.x(seen), self.f((i, j, channel, own))))
        return Equation(self.o(index), tuple(terms), index=index)

    def gradients(
        self, letter: str, element: Sequence[int] | None, outputs: list[Equation] | None
    ) -> list[Equation]:
        """Return dL/dF or dL/dX, of every entry or of one."""
        namer, shape = (self.f, self.w_shape) if letter == "F" else (self.x, self.shape)
        found = []
        for index in choose_entries(shape, element):
            if outputs is None:  # only those that this entry acts on are written down
                reached = [self.output(o) for o in self._reached(letter, index)]
                found += gradient(reached, [(namer(index), index)])
        if outputs is not None:
            found = gradient(outputs, [(namer(i), i) for i in choose_entries(shape, element)])
        return found

    def _reached(self, letter: str, index: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Return the outputs that one entry acts on, in order."""
        rows, columns, _ = self.layer.output_shape
        if letter == "F":
            return [(i, j, index[3]) for i, j in np.ndindex(rows, columns)]
        group = index[2] // self.group_channels
        own = range(group * self.group_filters, (group + 1) * self.group_filters)
        near = [  # the windows that start within a filter's reach before the pixel
            [
                o
                for o in range(self.layer.output_shape[a])
                if any(
                    o * self.window.stride[a] + tap * self.window.dilation[a]
                    == index[a] + self.window.before[a]
                    for tap in range(self.window.kernel[a])
                )
            ]
            for a in (0, 1)
        ]
        return [(i, j, f) for i in near[0] for j in near[1] for f in own]

    def legend(self) -> list[str]:
        """Return how to read the symbols, and the geometry."""
        window = self.window
        filters = self.layer.config.filters
        lines = [f"output O: {_by(self.layer.output_shape[: 3 if filters > 1 else 2])}"]
        if window.stride != (1, 1):
            lines.append(f"stride {_by(window.stride)}")
        if window.is_padded:
            lines.append(
                f"padding: {_count(window.before[0], 'row')} of zeros above and {window.after[0]} "
                f"below, {_count(window.before[1], 'column')} to the left and {window.after[1]} to "
                "the right"
            )
        if window.dilation != (1, 1):
            lines.append(f"dilation {_by(window.dilation)}: the taps lie that far apart")
        if self.layer.config.groups > 1:
            lines.append(f"{self.layer.config.groups} groups: a filter sees its own channels only")
        if self.f.always:
            symbols = ["X_rc,i: row, column, channel"] * (self.shape[2] > 1)
            symbols += ["F_rc,i,f: row, column, input channel, filter"]
            symbols += ["O_rc,f: row, column, filter"] * (filters > 1)
            lines.append("; ".join(symbols))
        return lines

    def takeaways(self) -> list[Takeaway]:
        """Return both gradients as operations on whole matrices, for one channel and filter."""
        window = self.window
        several = self.f.always
        c, f = ("c", "f") if several else ("", "")
        padded = self._matrix("X", window.padded_size, c, window.before, self.shape[:2])
        error = self._error(window.stride, f)
        of_f = _grid("dL/dF", window.kernel, f"{c},{f}" if several else "")
        of_x = _grid("dL/dX", self.shape[:2], c if self.shape[2] > 1 else "")
        turned = self._turned(f"{c},{f}" if several else "")
        drawn = [padded, error, of_f, of_x, turned]
        if any(max(len(rows), len(rows[0])) > WIDEST_MATRIX for rows in drawn):
            return []
        dilated = window.stride != (1, 1)
        error_name = "loss gradient dL/dO" + (
            f", dilated by the stride {_by(window.stride)}" if dilated else ""
        )
        suffix = " (for channel c and filter f)" if several else ""
        remarks_f, remarks_x = [], []
        if window.dilation != (1, 1):
            remarks_f.append(f"taken at every {_by(window.dilation)}-th position: the dilation")
        if self._left_over():
            remarks_f.append("the last rows or columns of X, which no window reaches, are left out")
            remarks_x.append("where no window reaches, dL/dX is 0")
        if window.is_padded:
            remarks_x.append(
                f"cropped by the padding: {_count(window.before[0], 'row')} above and "
                f"{window.after[0]} below, {_count(window.before[1], 'column')} left and "
                f"{window.after[1]} right"
            )
        if self.layer.config.filters > 1:
            remarks_x.append("added up over the filters f that see channel c")
        x_name = "input X" + (", padded with zeros" if window.is_padded else "")
        turned_name = "filter F, rotated by 180 degrees" + (
            ", its taps apart by the dilation" if window.dilation != (1, 1) else ""
        )
        return [
            Takeaway(
                "dL/dF = Convolution(X, dL/dO)",
                Matrix(f"dL/dF{suffix}", of_f),
                "Convolution",
                (Matrix(x_name, padded), Matrix(error_name, error)),
                tuple(remarks_f),
            ),
            Takeaway(
                "dL/dX = Full Convolution(180-degree rotated F, dL/dO)",
                Matrix(f"dL/dX{suffix}", of_x),
                "Full Convolution",
                (Matrix(turned_name, turned), Matrix(error_name, error)),
                tuple(remarks_x),
            ),
        ]

    def notes(self) -> list[str]:
        """Return what the equations leave out."""
        return [
            "Convolution here is cross-correlation, as in the lecture and every framework: the "
            "filter is not flipped in the forward pass.",
            "A bias b_f is added to every output of filter f, so dL/db_f is the sum of that "
            "filter's dL/dO over all positions.",
        ]

    def _matrix(
        self,
        letter: str,
        size: tuple[int, int],
        suffix: str,
        before: tuple[int, int],
        inside: tuple[int, ...],
    ) -> tuple[tuple[str, ...], ...]:
        """Return an array's symbols with zeros around them."""
        grid = _grid(letter, (inside[0], inside[1]), suffix if self.shape[2] > 1 else "")
        rows = [["0"] * size[1] for _ in range(size[0])]
        for i, j in np.ndindex(inside[0], inside[1]):
            rows[i + before[0]][j + before[1]] = grid[i][j]
        return tuple(map(tuple, rows))

    def _error(self, stride: tuple[int, int], suffix: str) -> tuple[tuple[str, ...], ...]:
        """Return dL/dO with stride - 1 zeros between its rows and columns."""
        height, width, filters = self.layer.output_shape
        grid = _grid("dL/dO", (height, width), suffix if filters > 1 else "")
        rows = [["0"] * ((width - 1) * stride[1] + 1) for _ in range((height - 1) * stride[0] + 1)]
        for i, j in np.ndindex(height, width):
            rows[i * stride[0]][j * stride[1]] = grid[i][j]
        return tuple(map(tuple, rows))

    def _turned(self, suffix: str) -> tuple[tuple[str, ...], ...]:
        """Return the filter, flipped vertically and then horizontally, its taps dilated."""
        (height, width), (down, right) = self.window.kernel, self.window.dilation
        grid = _grid("F", (height, width), suffix)
        rows = [["0"] * ((width - 1) * right + 1) for _ in range((height - 1) * down + 1)]
        for i, j in np.ndindex(height, width):
            rows[i * down][j * right] = grid[height - 1 - i][width - 1 - j]
        return tuple(map(tuple, rows))

    def _left_over(self) -> bool:
        """Return whether some rows or columns lie behind the last window."""
        window = self.window
        reach = [
            (window.output_size[a] - 1) * window.stride[a]
            + (window.kernel[a] - 1) * window.dilation[a]
            + 1
            for a in (0, 1)
        ]
        return any(reach[a] < window.padded_size[a] for a in (0, 1))


def _place(
    window: Window, position: tuple[int, ...], tap: tuple[int, int]
) -> tuple[int, int] | None:
    """Return the pixel that a tap of a window meets; None in the padding."""
    place = tuple(
        position[a] * window.stride[a] + tap[a] * window.dilation[a] - window.before[a]
        for a in (0, 1)
    )
    inside = all(0 <= place[a] < window.input_size[a] for a in (0, 1))
    return (place[0], place[1]) if inside else None


def _grid(letter: str, size: tuple[int, ...], suffix: str) -> tuple[tuple[str, ...], ...]:
    """Return the symbols of a matrix, rows of columns; `suffix` names further axes in letters."""
    base, _, array = letter.rpartition("dL/d")
    prefix = "dL/d" if "dL/d" in letter else base
    namer = Namer(array or letter, (size[0], size[1]))
    tail = f",{suffix}" if suffix else ""
    return tuple(
        tuple(f"{prefix}{namer((i, j))}{tail}" for j in range(size[1])) for i in range(size[0])
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _by(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))

"""The lecture's convolution, for any geometry: every output, every gradient, and both takeaways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrun.engine import Build
from cnnrun.engine.geometry import Window
from cnnrun.engine.layers import Conv2D
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Padding, Pair
from cnnrun.explain.algebra import gradient
from cnnrun.explain.bounds import choose_entries, require_small
from cnnrun.explain.document import Equation, Explanation, Namer, Section
from cnnrun.explain.sizes import (
    entry_of,
    image_shape,
    require_padding,
    require_pair,
    require_sizes,
)
from cnnrun.explain.takeaways import takeaways
from cnnrun.explain.text import count_of

__all__ = ["explain_conv2d"]


def explain_conv2d(
    input: int | Sequence[int] = (3, 3),
    filter: Pair = 2,
    *,
    filters: int = 1,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    groups: int = 1,
    element: int | Sequence[int] | None = None,
) -> Explanation:
    """Return the explanation of a convolution.

    Args:
        input: height and width, and perhaps channels; one number for both sides of a square.
        filter: height and width of a filter.
        filters: how many.
        stride: pixels from one window to the next.
        padding: as in a configuration.
        dilation: pixels from one tap to the next.
        groups: into how many the channels are cut.
        element: row, column, ... of the one entry of each array to spell out, from 1.

    Raises:
        ShapeError: the filter does not fit the input.
        ConfigError: a size is not one, or there is too much to spell out.
    """
    input_shape, element = image_shape(input), entry_of(element)
    for option, value in (("filter", filter), ("stride", stride), ("dilation", dilation)):
        require_pair(option, value)
    require_sizes("filters", filters)
    require_sizes("groups", groups)
    require_padding(padding)
    config = Conv2D.Config(
        filters, filter, stride, padding, dilation, groups=groups, use_bias=False
    )
    layer = Conv2D(config, input_shape, Build(np.dtype(np.float64)))
    written = _Convolution(layer)
    outputs = None
    if element is None:
        count = int(np.prod(layer.output_shape))
        require_small(count + written.size, 3 * count * written.taps)
        outputs = [written.output(index) for index in np.ndindex(*layer.output_shape)]
    image = format_size(input_shape if input_shape[2] > 1 else input_shape[:2])
    title = f"Convolution of a {image} input X with {written.filters}"
    explanation = Explanation(title, layer=layer)
    explanation.legend = written.legend()
    chosen = [written.output(index) for index in choose_entries(layer.output_shape, element)]
    explanation.sections = [
        Section("output", "Forward pass: the output O", chosen, array="O"),
        Section(
            "filter_gradient",
            "Loss gradient with respect to the filter",
            written.gradients("F", element, outputs),
            intro="The sum is over the outputs k, and dO_k/dF_i is the input that the tap was "
            "multiplied with.",
            formulas=["dL/dF_i = sum over k of dL/dO_k * dO_k/dF_i"],
            array="F",
        ),
        Section(
            "input_gradient",
            "Loss gradient with respect to the input",
            written.gradients("X", element, outputs),
            intro="The sum is over the outputs k, and dO_k/dX_i is the tap that the input was "
            "multiplied with.",
            formulas=["dL/dX_i = sum over k of dL/dO_k * dO_k/dX_i"],
            array="X",
        ),
    ]
    explanation.takeaways = takeaways(layer)
    explanation.notes = written.notes()
    return explanation


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
        self.filters = f"{plural} of {format_size(self.window.kernel)}"
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
        wanted = [(namer(index), index) for index in choose_entries(shape, element)]
        if outputs is not None:
            return gradient(outputs, wanted)
        equations = []
        for symbol, index in wanted:  # only the outputs that this entry acts on are written down
            reached = [self.output(output) for output in self._reached(letter, index)]
            equations += gradient(reached, [(symbol, index)])
        return equations

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
        lines = [f"output O: {format_size(self.layer.output_shape[: 3 if filters > 1 else 2])}"]
        if window.stride != (1, 1):
            lines.append(f"stride {format_size(window.stride)}")
        if window.is_padded:
            lines.append(
                f"padding: {count_of(window.before[0], 'row')} of zeros above and "
                f"{window.after[0]} below, {count_of(window.before[1], 'column')} to the left and "
                f"{window.after[1]} to the right"
            )
        if window.dilation != (1, 1):
            lines.append(f"dilation {format_size(window.dilation)}: the taps lie that far apart")
        if self.layer.config.groups > 1:
            lines.append(f"{self.layer.config.groups} groups: a filter sees its own channels only")
        if self.f.always:
            symbols = ["X_rc,i: row, column, channel"] * (self.shape[2] > 1)
            symbols += ["F_rc,i,f: row, column, input channel, filter"]
            symbols += ["O_rc,f: row, column, filter"] * (filters > 1)
            lines.append("; ".join(symbols))
        return lines

    def notes(self) -> list[str]:
        """Return what the equations leave out."""
        return [
            "Convolution here is cross-correlation, as in the lecture and every framework: the "
            "filter is not flipped in the forward pass.",
            "A bias b_f is added to every output of filter f, so dL/db_f is the sum of that "
            "filter's dL/dO over all positions.",
        ]


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

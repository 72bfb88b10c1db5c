"""Max and average pooling: where the error of each window goes, and what it is multiplied with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrun.engine import Build
from cnnrun.engine.layers import AvgPool2D, MaxPool2D
from cnnrun.engine.names import format_size
from cnnrun.engine.types import Padding, Pair
from cnnrun.explain.algebra import gradient, gradient_of_maxima
from cnnrun.explain.bounds import choose_entries, require_small
from cnnrun.explain.document import Equation, Explanation, Namer, Section
from cnnrun.explain.sizes import entry_of, image_shape, require_padding, require_pair

__all__ = ["explain_pooling"]


def explain_pooling(
    kind: str,
    input: int | Sequence[int] = (4, 4),
    pool_size: Pair = 2,
    *,
    stride: Pair | None = None,
    padding: Padding = "valid",
    count_padding: bool = True,
    element: int | Sequence[int] | None = None,
) -> Explanation:
    """Return the explanation of a pooling layer.

    Args:
        kind: `max_pool2d` or `avg_pool2d`.
        input: height and width, and perhaps channels; one number for both sides of a square.
        pool_size: height and width of a window.
        stride: pixels from one window to the next; the window's size by default.
        padding: as in a configuration.
        count_padding: whether padding counts in an average.
        element: row, column, ... of the one entry of each array to spell out, from 1.

    Raises:
        ShapeError: the window does not fit the input.
        ConfigError: a size is not one, or there is too much to spell out.
    """
    input_shape, element = image_shape(input), entry_of(element)
    require_pair("pool_size", pool_size)
    if stride is not None:
        require_pair("stride", stride)
    require_padding(padding)
    layer: Any
    build = Build(np.dtype(np.float64))
    if kind == "max_pool2d":
        layer = MaxPool2D(MaxPool2D.Config(pool_size, stride, padding), input_shape, build)
    else:
        config = AvgPool2D.Config(pool_size, stride, padding, count_padding)
        layer = AvgPool2D(config, input_shape, build)
    window, channels = layer.window, input_shape[2]
    x = Namer("X", input_shape[:2], (channels,))
    o = Namer("O", layer.output_shape[:2], (channels,))
    taps = window.kernel[0] * window.kernel[1]
    if element is None:
        count = int(np.prod(layer.output_shape))
        require_small(count + int(np.prod(input_shape)), 2 * count * taps)

    def output(index: tuple[int, ...]) -> Equation:
        cells = []
        for tap in np.ndindex(*window.kernel):
            row, column = (index[a] * window.stride[a] + tap[a] - window.before[a] for a in (0, 1))
            if 0 <= row < input_shape[0] and 0 <= column < input_shape[1]:
                cells.append(x((row, column, index[2])))
        if kind == "max_pool2d":
            return Equation(o(index), tuple((cell,) for cell in cells), "max", index)
        share = f"1/{int(layer.counts[index[0], index[1], 0])}"
        return Equation(o(index), tuple((share, cell) for cell in cells), index=index)

    chosen = list(choose_entries(input_shape, element))
    outputs = [
        output(index)
        for index in np.ndindex(*layer.output_shape)
        if element is None or any(_reaches(window, index, cell) for cell in chosen)
    ]
    derive = gradient_of_maxima if kind == "max_pool2d" else gradient
    word = "Max" if kind == "max_pool2d" else "Average"
    named_axes = 3 if channels > 1 else 2
    title = (
        f"{word} pooling of a {format_size(input_shape[:named_axes])} input X with windows of "
        f"{format_size(window.kernel)}"
    )
    explanation = Explanation(title, layer=layer)
    explanation.legend = [f"output O: {format_size(layer.output_shape[:named_axes])}"]
    if window.stride != window.kernel:
        explanation.legend.append(f"stride {format_size(window.stride)}")
    if channels > 1:
        explanation.legend.append("X_rc,i, O_rc,i: row, column, channel")
    explanation.sections = [
        Section(
            "output",
            "Forward pass: the output O",
            [output(index) for index in choose_entries(layer.output_shape, element)],
            array="O",
        ),
        Section(
            "input_gradient",
            "Loss gradient with respect to the input",
            derive(outputs, [(x(index), index) for index in chosen]),
            intro=_intro(kind, taps, layer),
            array="X",
        ),
    ]
    if kind == "max_pool2d":
        explanation.cells = {o.left: tuple(cell for (cell,) in o.terms) for o in outputs}
    explanation.notes = _notes(kind, layer)
    return explanation


def _reaches(window: Any, index: tuple[int, ...], cell: tuple[int, ...]) -> bool:
    """Return whether the window at `index` contains a cell."""
    if index[2] != cell[2]:
        return False
    starts = [index[a] * window.stride[a] - window.before[a] for a in (0, 1)]
    return all(starts[a] <= cell[a] < starts[a] + window.kernel[a] for a in (0, 1))


def _intro(kind: str, taps: int, layer: Any) -> str:
    if kind == "max_pool2d":
        return (
            "The error is assigned to where it comes from: [X_i = O_k] is 1 where X_i is the "
            "maximum that became O_k, and 0 elsewhere."
        )
    return (
        f"The error is multiplied by 1/(N*N), here 1/{taps}, and assigned to the whole window."
        if (layer.counts == taps).all()
        else "The error is multiplied by 1/n, n being the cells of the window inside the image, "
        "and assigned to all of them."
    )


def _notes(kind: str, layer: Any) -> list[str]:
    notes = []
    if kind == "max_pool2d":
        notes.append("On a tie the first of the equal cells, row by row, takes the whole error.")
    window = layer.window
    if any(window.stride[a] < window.kernel[a] for a in (0, 1)):
        notes.append("Windows overlap, so a cell adds up what all its windows send.")
    if any(window.stride[a] > window.kernel[a] for a in (0, 1)):
        notes.append("Cells between the windows get no error.")
    if window.is_padded:
        word = "never wins" if kind == "max_pool2d" else "gets no error"
        notes.append(f"Padding {word}.")
    return notes

"""A convolution's gradients as operations on whole matrices: the lecture's two takeaways."""

from __future__ import annotations

import numpy as np

from cnnrun.engine.layers import Conv2D
from cnnrun.engine.names import format_size
from cnnrun.explain.document import Matrix, Namer, Takeaway
from cnnrun.explain.text import INDENT, WIDTH, count_of, width_of

__all__ = ["WIDEST_MATRIX", "drawn", "takeaways"]

WIDEST_MATRIX = 9
"""A matrix with more rows or columns is not drawn."""


def drawn(takeaway: Takeaway) -> list[Takeaway]:
    """Return a takeaway whose matrices fit a line, each below the other; else none."""
    matrices = [takeaway.result, *takeaway.arguments]
    return [takeaway] if all(width_of(matrix) + INDENT <= WIDTH for matrix in matrices) else []


def takeaways(layer: Conv2D) -> list[Takeaway]:
    """Return both gradients of a convolution as matrices; none if one of them is too large."""
    return _Matrices(layer).takeaways()


class _Matrices:
    """The matrices of one channel c and one filter f."""

    def __init__(self, layer: Conv2D) -> None:
        self.layer, self.window, self.shape = layer, layer.window, layer.input_shape
        self.several = self.shape[2] > 1 or layer.config.filters > 1

    def takeaways(self) -> list[Takeaway]:
        """Return both gradients as operations on whole matrices, for one channel and filter."""
        window = self.window
        several = self.several
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
            f", dilated by the stride {format_size(window.stride)}" if dilated else ""
        )
        suffix = " (for channel c and filter f)" if several else ""
        remarks_f, remarks_x = [], []
        if window.dilation != (1, 1):
            every = format_size(window.dilation)
            remarks_f.append(f"taken at every {every}-th position: the dilation")
        if self._left_over():
            remarks_f.append("the last rows or columns of X, which no window reaches, are left out")
            remarks_x.append("where no window reaches, dL/dX is 0")
        if window.is_padded:
            remarks_x.append(
                f"cropped by the padding: {count_of(window.before[0], 'row')} above and "
                f"{window.after[0]} below, {count_of(window.before[1], 'column')} left and "
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


def _grid(letter: str, size: tuple[int, ...], suffix: str) -> tuple[tuple[str, ...], ...]:
    """Return the symbols of a matrix, rows of columns; `suffix` names further axes in letters."""
    base, _, array = letter.rpartition("dL/d")
    prefix = "dL/d" if "dL/d" in letter else base
    namer = Namer(array or letter, (size[0], size[1]))
    tail = f",{suffix}" if suffix else ""
    return tuple(
        tuple(f"{prefix}{namer((i, j))}{tail}" for j in range(size[1])) for i in range(size[0])
    )

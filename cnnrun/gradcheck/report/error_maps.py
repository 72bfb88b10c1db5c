"""Error maps: for every tensor what backward claims, what is right, and how far they are apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.layout import Layout, arrange
from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.elements import Element, Tensor

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable

__all__ = ["write_error_maps"]

MOST_PICTURES = 60
MOST_VALUES = 1 << 18
"""A picture of more shows every second, third, ...; the arrays are whole, and what was sampled is
drawn in its place."""
MOST_TICKS = 9
MOST_LABELS = 12
WIDE = 1.6
"""Maps that are so many times as wide as high stand below each other."""
SEEN = 14.0
"""The area of a sampled element, in square points, where cells are smaller."""
SMALL = 64
"""A map with more cells in a row or column has cells that are hard to see."""
UNCHECKED_GREY = 0.88
UNCHECKED = str(UNCHECKED_GREY)


def write_error_maps(report: Report, folder: Path) -> list[Path]:
    """Write `errors.npz` and a picture for every tensor, the wrong ones first.

    The keys of `errors.npz` are `LAYER/TENSOR/claimed`, `/right`, `/relative_error`; the last two
    are NaN where an element was not checked or could not be resolved. All are of the point at
    which the tensor is worst.

    Returns:
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Array] = {}
    rows = [row for row in report.rows if row.worst]
    for row in rows:
        label, tensor = _worst(row)
        key = _printable(f"{row.layer}/{row.tensor}")
        arrays[f"{key}/claimed"] = tensor.gradient
        arrays[f"{key}/right"] = tensor.numeric
        arrays[f"{key}/relative_error"] = _relative(tensor)
    written = [folder / "errors.npz"]
    np.savez_compressed(written[0], **arrays)  # type: ignore[arg-type]
    ranked = sorted(rows, key=lambda row: row.verdict != "fail")
    for row in ranked[:MOST_PICTURES]:
        label, tensor = _worst(row)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{row.layer}-{row.gradient}")
        written.append(folder / f"{name}.png")
        _draw(row, label, tensor, written[-1])
    return written


def _worst(row: Row) -> tuple[str, Tensor]:
    worst = row.worst
    assert worst is not None
    return worst


def _relative(tensor: Tensor) -> Array:
    errors = np.full(tensor.gradient.shape, np.nan)
    for element in tensor.resolved:
        errors[element.index] = element.relative_error
    return errors


def _draw(row: Row, label: str, tensor: Tensor, path: Path) -> None:
    """Draw the claimed gradient, the numerical one and the error, in square cells."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    layout = arrange(tensor.gradient.shape, weights=tensor.name.endswith("w"))
    rows, columns = layout.grid.shape
    if columns > WIDE * rows:
        height = max(0.7, min(3.0, 8 * rows / columns)) + 0.75
        figure = Figure(figsize=(10, 3 * height + 1.2), layout="constrained")
        panels = figure.subplots(3, 1)
    else:
        height = max(1.5, min(8.0, 3 * rows / columns))
        figure = Figure(figsize=(12, height + 1.8), layout="constrained")
        panels = figure.subplots(1, 3)
    known = tensor.numeric[np.isfinite(tensor.numeric)]
    sizes = np.abs(tensor.gradient[np.isfinite(tensor.gradient)])
    limit = float(max(np.max(sizes, initial=0), np.max(np.abs(known), initial=0))) or 1.0
    error = np.log10(np.maximum(_relative(tensor), 1e-16))
    signed = ScalarMappable(Normalize(-limit, limit), "RdBu_r")
    drawing = [
        ("claimed by backward", tensor.gradient, signed),
        ("numerical derivative", tensor.numeric, signed),
        ("relative error, log10", error, ScalarMappable(Normalize(-16, 0), "magma")),
    ]
    for number, (axes, (title, values, colours)) in enumerate(zip(panels, drawing, strict=True)):
        axes.set_title(title, fontsize=10)
        _draw_cells(axes, layout, values, colours)
        if number:
            _draw_checked(axes, layout, tensor, values, colours)
        _label(axes, layout)
        figure.colorbar(colours, ax=axes, shrink=0.9).ax.tick_params(labelsize=7)
    handles, _ = panels[2].get_legend_handles_labels()
    checked, size = len(tensor.elements), tensor.gradient.size
    if checked < size:
        text = f"not checked one by one: {size - checked:,} of {size:,}"
        handles.append(Patch(facecolor=UNCHECKED, edgecolor="0.6", label=text))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)
    words = f"{checked:,} of {size:,} elements checked one by one"
    title = f"{row.layer}, {row.gradient}: {row.verdict} ({words})\n{label}"
    figure.suptitle(_printable(title), fontsize=10, wrap=True, parse_math=False)
    figure.savefig(path, dpi=100)


def _draw_cells(axes: Axes, layout: Layout, values: Array, colours: ScalarMappable) -> None:
    """Draw every cell; of a large tensor every so many, without moving any."""
    rows, columns = layout.grid.shape
    skip = int(np.ceil(np.sqrt(layout.grid.size / MOST_VALUES)))
    grid = layout.grid[::skip, ::skip]
    cells = np.ma.masked_invalid(values.ravel()[grid])
    cells[grid < 0] = np.ma.masked
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    ground = np.where(grid < 0, 1.0, UNCHECKED_GREY)
    axes.imshow(ground, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
    shades = colours.to_rgba(cells)  # what is masked is transparent
    axes.imshow(shades, interpolation="nearest", extent=extent)
    down, across = layout.tiles
    width = 0.8 if max(down, across) <= MOST_LABELS else 0.3
    for edge in np.arange(1, down) * layout.tile[0]:
        axes.axhline(edge - 0.5, color="0.3", linewidth=width)
    for edge in np.arange(1, across) * layout.tile[1]:
        axes.axvline(edge - 0.5, color="0.3", linewidth=width)


def _draw_checked(
    axes: Axes, layout: Layout, tensor: Tensor, values: Array, colours: ScalarMappable
) -> None:
    """Draw what was sampled large enough to be seen, and point out what stands alone."""
    if max(layout.grid.shape) > SMALL and len(tensor.elements) < tensor.gradient.size:
        rows, columns = layout.place(_numbers(tensor, tensor.resolved))
        shades = colours.to_rgba(values.ravel()[_numbers(tensor, tensor.resolved)])
        axes.scatter(
            columns, rows, SEEN, shades, marker="s", edgecolors="0.35", linewidths=0.4
        )  # fmt: skip
    if unknown := tensor.of("kink", "unresolved"):
        rows, columns = layout.place(_numbers(tensor, unknown))
        text = f"at a kink, or not resolved: {len(unknown):,}"
        axes.scatter(columns, rows, SEEN / 2, "0.3", marker="x", linewidths=0.8, label=text)
    if wrong := tensor.of("wrong"):
        worst = max(wrong, key=lambda element: element.relative_error)
        rows, columns = layout.place(_numbers(tensor, [worst]))
        text = f"the worst of {len(wrong):,} wrong: [{', '.join(map(str, worst.index))}]"
        axes.scatter(
            columns, rows, 8 * SEEN, marker="o", facecolors="none", edgecolors="#009E73",
            linewidths=2, label=text,
        )  # fmt: skip


def _numbers(tensor: Tensor, elements: Sequence[Element]) -> Array:
    """Return the numbers of elements in row-major order."""
    shape = tensor.gradient.shape
    numbers = [np.ravel_multi_index(element.index, shape) if shape else 0 for element in elements]
    return np.array(numbers, np.int64)


def _label(axes: Axes, layout: Layout) -> None:
    """Number the tiles, or the cells of a single one."""
    from matplotlib.ticker import MaxNLocator

    axes.tick_params(labelsize=7, length=2)
    for axis, tiles, tile, word in (
        (axes.yaxis, layout.tiles[0], layout.tile[0], layout.down),
        (axes.xaxis, layout.tiles[1], layout.tile[1], layout.across),
    ):
        axis.set_label_text(word, fontsize=8)
        if tiles > 1:
            shown = np.arange(0, tiles, -(-tiles // MOST_LABELS))
            axis.set_ticks(shown * tile + (tile - 1) / 2, map(str, shown))
        elif word and layout.tiles == (1, 1):
            share = tile / max(layout.tile)  # of the longer side; cells are square
            bins = max(2, round(MOST_TICKS * share))
            axis.set_major_locator(MaxNLocator(bins, integer=True, min_n_ticks=1))
        else:
            axis.set_ticks([0] if word else [])


def _printable(text: str) -> str:
    """Return text without control characters, which no zip file and no font has."""
    return re.sub(r"[\x00-\x09\x0b-\x1f]", "?", text)

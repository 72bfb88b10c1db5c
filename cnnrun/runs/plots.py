"""Pictures of a run: its learning curves, its confusion matrix and its worst mistakes."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.runs.files import replace_file
from cnnrun.runs.series import marked, read_series

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from cnnrun.runs.measures.classes import Mistake

__all__ = ["plot_confusion", "plot_curves", "plot_mistakes", "save_picture", "show_image"]

TRAIN, VALIDATION = "#0072B2", "#D55E00"  # Okabe & Ito: told apart by colour-blind readers
DECADES = 100
"""A loss whose largest value is more than so many times its smallest gets a logarithmic axis."""
MOST_COUNTS = 30
"""A confusion matrix of more classes is drawn without numbers, which would not be readable."""


def plot_curves(
    metrics: Iterable[dict[str, Any]], title: str, path: Path, best: int | None = None
) -> None:
    """Draw loss and accuracy over the epochs.

    Args:
        metrics: the lines of the log, read once.
        title: stands above.
        path: the file.
        best: the epoch whose weights were kept, which is marked.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    series = read_series(metrics)
    epochs = series["epoch"]
    kinds = [kind for kind in ("loss", "accuracy") if np.isfinite(series[f"train_{kind}"]).any()]
    figure = Figure(figsize=(5 * len(kinds), 3.6), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        drawn = []
        for split, label, color, marker in (
            ("train", "training", TRAIN, "o"),
            ("val", "validation", VALIDATION, "s"),
        ):
            values = series[f"{split}_{kind}"]
            if np.isfinite(values).all():
                marker = marked(epochs, marker)
                axes.plot(epochs, values, color=color, marker=marker, ms=4, label=label)
                drawn.append((values.min(), values.max()))
        if best is not None:
            axes.axvline(best, color="0.4", linestyle=":", zorder=1, label=f"best: epoch {best}")
        if kind == "loss" and np.min(drawn) > 0 and np.max(drawn) > DECADES * np.min(drawn):
            axes.set_yscale("log")
        axes.set(xlabel="epoch", ylabel=kind)
        if len(epochs) == 1:  # its axis would have no other whole number
            axes.set_xlim(epochs[0] - 0.9, epochs[0] + 0.9)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(title, parse_math=False)
    save_picture(figure, path)


def plot_confusion(matrix: Array, names: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix `(K, K)`: counts, shaded by their share of the row; zeros are blank.

    The shade follows the square root, so that one image of a hundred is seen beside the others.
    """
    from matplotlib.colors import LinearSegmentedColormap, PowerNorm
    from matplotlib.figure import Figure

    size = max(4.5, 0.5 * len(names) + 1.5)
    figure = Figure(figsize=(min(size, 20) + 1, min(size, 20)), layout="constrained")
    axes = figure.subplots()
    shares = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    shades = LinearSegmentedColormap.from_list("shares", ["#d6e6f4", "#4a98c9", "#08306b"])
    norm = PowerNorm(0.5, 0, 1)
    image = axes.imshow(np.where(matrix, shares, np.nan), cmap=shades, norm=norm)
    figure.colorbar(image, ax=axes, label="share of the true class (blank: none)")
    if len(names) <= MOST_COUNTS:
        for row, column in np.argwhere(matrix):
            color = "white" if norm(shares[row, column]) > 0.5 else "black"
            text = str(matrix[row, column])
            axes.text(column, row, text, ha="center", va="center", color=color, size=8)
        rotation = 90 if max(map(len, names)) > 3 else 0
        axes.set_xticks(range(len(names)), names, rotation=rotation, parse_math=False)
        axes.set_yticks(range(len(names)), names, parse_math=False)
        edges = np.arange(len(names) - 1) + 0.5
        axes.set_xticks(edges, minor=True)
        axes.set_yticks(edges, minor=True)
        axes.grid(which="minor", color="0.9", linewidth=0.6)
        axes.tick_params(which="minor", length=0)
    axes.set(xlabel="predicted", ylabel="true")
    axes.set_title(title, parse_math=False)
    save_picture(figure, path)


def plot_mistakes(
    mistakes: Sequence[Mistake], names: Sequence[str], title: str, path: Path
) -> None:
    """Draw the images of mistakes in rows, each with what it is and what it was taken for."""
    from matplotlib.figure import Figure

    columns = min(len(mistakes), 6)
    rows = -(-len(mistakes) // columns)
    figure = Figure(figsize=(max(5.0, 1.9 * columns), 2.3 * rows + 0.6), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in panels:
        axes.set_axis_off()
    for axes, mistake in zip(panels, mistakes, strict=False):  # the last row may have free places
        true, predicted = (
            textwrap.shorten(names[number], 24, placeholder="...")
            for number in (mistake.true, mistake.predicted)
        )
        taken = f"predicted {predicted}: {mistake.probability:.1%}"
        show_image(axes, mistake.pixels, f"sample {mistake.index}: true {true}\n{taken}")
    figure.suptitle(title, size=10, parse_math=False)
    save_picture(figure, path)


def show_image(axes: Axes, pixels: Array, text: str) -> None:
    """Show an image `(H, W, C)` in [0, 1] with a text above it."""
    if pixels.shape[2] != 3:
        pixels = pixels.mean(axis=2)
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(text, size=8, parse_math=False)


def save_picture(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all."""
    picture = BytesIO()
    with warnings.catch_warnings():
        # Class names may have letters of any script; those that the font lacks become boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        figure.savefig(picture, dpi=120, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, picture.getvalue())

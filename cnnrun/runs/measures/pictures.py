"""Pictures of what came of labels, numbers and images; those of classes are in `plots.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.runs.measures.metrics import ClassMetrics, roc_curve
from cnnrun.runs.plots import save_picture, show_image

if TYPE_CHECKING:
    from cnnrun.runs.measures.images import Restored

__all__ = ["plot_images", "plot_labels", "plot_numbers"]

COLOR = "#0072B2"
MOST_NAMED = 14
"""ROC curves that a legend names; it would be longer than the picture is high."""
MOST_NUMBERS = 8
"""Of a regression that are drawn."""


def plot_numbers(
    true: Array, predicted: Array, names: Sequence[str], title: str, path: Path
) -> None:
    """Draw for each number the prediction against the truth, with the diagonal, and the errors.

    Args:
        true: `(N, K)`.
        predicted: `(N, K)`.
        names: of the numbers; the first few are drawn.
        title: stands above.
        path: the file.
    """
    from matplotlib.figure import Figure

    shown = list(names)[:MOST_NUMBERS]
    figure = Figure(figsize=(8.0, 3.6 * len(shown) + 0.4), layout="constrained")
    rows = figure.subplots(len(shown), 2, squeeze=False)
    for number, ((left, right), name) in enumerate(zip(rows, shown, strict=True)):
        x, y = true[:, number], predicted[:, number]
        ends = [min(x.min(), y.min()), max(x.max(), y.max())]
        left.plot(ends, ends, color="0.4", linestyle=":", zorder=1, label="no error")
        left.scatter(x, y, s=12, alpha=0.5, color=COLOR, linewidths=0)
        left.set_xlabel(f"true {name}", parse_math=False)
        left.set_ylabel(f"predicted {name}", parse_math=False)
        left.legend(frameon=False)
        right.hist(y - x, bins=min(40, max(8, len(x) // 10)), color=COLOR)
        right.axvline(0, color="0.4", linestyle=":")
        right.set_xlabel(f"error of {name} (predicted - true)", parse_math=False)
        right.set_ylabel("samples")
        for axes in (left, right):
            axes.grid(alpha=0.3)
    left_out = len(names) - len(shown)
    note = f" (the first {len(shown)} of {len(names)} numbers)" if left_out else ""
    figure.suptitle(title + note, size=10, parse_math=False)
    save_picture(figure, path)


def plot_labels(
    scores: Array, true: Array, figures: Sequence[ClassMetrics], title: str, path: Path
) -> None:
    """Draw every label's ROC curve, and its precision and recall.

    Args:
        scores: `(N, K)`.
        true: `(N, K)` booleans.
        figures: of the labels, in the same order.
        title: stands above.
        path: the file.
    """
    from matplotlib.figure import Figure

    height = max(4.2, 0.3 * len(figures) + 1.5)
    figure = Figure(figsize=(10.0, min(height, 20.0)), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot([0, 1], [0, 1], color="0.4", linestyle=":", zorder=1)
    for number, label in enumerate(figures):
        if label.auc is None:
            continue
        named = f"{label.name} ({label.auc:.3f})" if len(figures) <= MOST_NAMED else None
        left.plot(*roc_curve(scores[:, number], true[:, number]), lw=1.5, label=named)
    left.set(xlabel="share of false alarms", ylabel="recall", title="ROC curves (AUC)")
    if left.get_legend_handles_labels()[0]:
        texts = left.legend(frameon=False, loc="lower right", fontsize=8).get_texts()
        for text in texts:
            text.set_parse_math(False)
    places = np.arange(len(figures))[::-1]
    for offset, kind, color in ((0.2, "precision", COLOR), (-0.2, "recall", "#D55E00")):
        values = [getattr(label, kind) or 0.0 for label in figures]
        right.barh(places + offset, values, 0.38, color=color, label=kind)
    right.set_yticks(places, [label.name for label in figures], parse_math=False)
    right.set(xlim=(0, 1), title="where a label is said from 0.5 on")
    right.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle(title, size=10, parse_math=False)
    save_picture(figure, path)


def plot_images(images: Sequence[Restored], title: str, path: Path) -> None:
    """Draw a row for each image: the input, the target, the output, and the error."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.4, 2.2 * len(images) + 0.6), layout="constrained")
    rows = figure.subplots(len(images), 4, squeeze=False)
    errors = [np.abs(image.output - image.target).mean(axis=2) for image in images]
    largest = max([float(error.max()) for error in errors] + [1e-6])
    for panels, image, error in zip(rows, images, errors, strict=True):
        for axes in panels:
            axes.set_axis_off()
        show_image(panels[0], image.input, f"sample {image.index}: input")
        show_image(panels[1], image.target, "target")
        show_image(panels[2], image.output, f"output, PSNR {image.psnr:.1f} dB")
        drawn = panels[3].imshow(error, cmap="magma", vmin=0, vmax=largest, interpolation="nearest")
        panels[3].set_title(f"error, at most {error.max():.2f}", size=8)
    figure.colorbar(drawn, ax=rows[:, 3].tolist(), shrink=0.8)
    figure.suptitle(title, size=10, parse_math=False)
    save_picture(figure, path)

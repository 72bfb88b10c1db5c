"""Pictures of a run: its learning curves and its confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnrun.engine.types import Array
from cnnrun.runs.files import replace_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_confusion", "plot_curves"]

TRAIN, VALIDATION = "#0072B2", "#D55E00"  # Okabe & Ito: told apart by colour-blind readers


def plot_curves(metrics: Sequence[dict[str, Any]], title: str, path: Path) -> None:
    """Draw loss and accuracy over the epochs; `metrics` are the lines of the log."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    kinds = [
        kind
        for kind in ("loss", "accuracy")
        if any(m[f"train_{kind}"] is not None for m in metrics)
    ]
    figure = Figure(figsize=(5 * len(kinds), 3.6), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for split, label, color, marker in (
            ("train", "training", TRAIN, "o"),
            ("val", "validation", VALIDATION, "s"),
        ):
            points = [(m["epoch"], m[f"{split}_{kind}"]) for m in metrics]
            if all(value is not None for _, value in points):
                axes.plot(*zip(*points, strict=True), color=color, marker=marker, ms=4, label=label)
        axes.set(xlabel="epoch", ylabel=kind)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    figure.suptitle(title)
    _save(figure, path)


def plot_confusion(matrix: Array, names: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix `(K, K)`, each row shaded by its share, with the counts."""
    from matplotlib.figure import Figure

    size = max(4.5, 0.5 * len(names) + 1.5)
    figure = Figure(figsize=(min(size, 20) + 1, min(size, 20)), layout="constrained")
    axes = figure.subplots()
    shares = matrix / matrix.sum(axis=1, keepdims=True).clip(1)
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="share of the true class")
    if len(names) <= 30:  # more would not be readable
        for row, counts in enumerate(matrix):
            for column, count in enumerate(counts):
                color = "black" if shares[row, column] > 0.5 else "white"
                axes.text(column, row, str(count), ha="center", va="center", color=color, size=8)
        axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 3 else 0)
        axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    """Write a picture, whole or not at all."""
    picture = BytesIO()
    figure.savefig(picture, dpi=120, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, picture.getvalue())

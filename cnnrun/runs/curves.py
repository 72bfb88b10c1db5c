"""The learning curves of several runs in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np

from cnnrun.errors import ConfigError, RunError
from cnnrun.runs.files import replace_file
from cnnrun.runs.folder import Run
from cnnrun.runs.series import marked, read_series

__all__ = ["plot_runs"]

# Okabe & Ito: told apart by colour-blind readers. From the eighth run on the markers tell.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = "osD^vPX"
FORMATS = ("png", "svg", "pdf")


def plot_runs(runs: Sequence[Run], path: Path | str) -> Path:
    """Draw loss and accuracy of runs over their epochs: validation solid, training dashed.

    Args:
        runs: each has a colour of its own.
        path: the picture, which is replaced whole or not at all; `.png`, `.svg` or `.pdf`.

    Raises:
        ConfigError: the picture's name has another ending.
        RunError: no run has an epoch to draw, or the picture cannot be written.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    path = Path(path)
    ending = path.suffix[1:].lower()
    if ending not in FORMATS:
        raise ConfigError(f"{path}: a picture's name ends in {', '.join('.' + f for f in FORMATS)}")
    logs = [read_series(run.epochs()) for run in runs]
    kinds = [
        kind
        for kind in ("loss", "accuracy")
        if any(np.isfinite(log[f"train_{kind}"]).any() for log in logs)
    ]
    if not kinds:
        raise RunError(f"no epoch to draw in {', '.join(run.name for run in runs)}")
    figure = Figure(figsize=(5.5 * len(kinds), 4.2), layout="constrained")
    panels = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        for number, (run, log) in enumerate(zip(runs, logs, strict=True)):
            color = COLORS[number % len(COLORS)]
            marker = MARKERS[number // len(COLORS) % len(MARKERS)]
            for split, style in (("val", "-"), ("train", "--")):
                y = log[f"{split}_{kind}"]
                there = np.isfinite(y)
                if there.any():
                    label = f"{run.name}, {'validation' if split == 'val' else 'training'}"
                    look = {"color": color, "marker": marked(y, marker), "ms": 3.5}
                    axes.plot(log["epoch"][there], y[there], style, label=label, **look)
        axes.set(xlabel="epoch", ylabel=kind)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
    lines, labels = panels[0].get_legend_handles_labels()
    figure.legend(lines, labels, loc="outside lower center", ncols=2, frameon=False)
    picture = BytesIO()
    figure.savefig(picture, dpi=120, format=ending)
    try:
        replace_file(path, picture.getvalue())
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror})") from None
    return path

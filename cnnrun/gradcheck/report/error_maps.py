"""Error maps: for every tensor what backward claims, what is right, and how far they are apart."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.gradcheck.report.report import Report
from cnnrun.gradcheck.report.rows import Row
from cnnrun.gradcheck.stages.elements import Tensor

__all__ = ["write_error_maps"]

MOST_PICTURES = 60
MOST_VALUES = 1 << 16
"""A picture shows the first so many; the arrays are whole."""


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
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{row.layer}-d{row.tensor}")
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
    """Draw the three maps beside each other, on one scale for the gradients."""
    from matplotlib.figure import Figure

    shape = tensor.gradient.shape
    is_filter = tensor.name.endswith("w")
    claimed, right, error = (
        _flat(array, is_filter=is_filter)
        for array in (tensor.gradient, tensor.numeric, _relative(tensor))
    )
    height, width = claimed.shape  # of one picture; of several, a line is drawn around each
    if len(shape) == 4:
        height, width = shape[:2] if is_filter else shape[1:3]
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    axes = figure.subplots(1, 3)
    known = right[np.isfinite(right)]
    limit = float(max(np.max(np.abs(claimed), initial=0), np.max(np.abs(known), initial=0))) or 1.0
    logs = np.log10(np.maximum(error, 1e-16))
    panels = [
        ("claimed by backward", claimed, "RdBu_r", (-limit, limit), "gradient"),
        ("numerical derivative", right, "RdBu_r", (-limit, limit), "gradient"),
        ("relative error", logs, "magma", (-16.0, 0.0), "log10"),
    ]
    for axis, (title, image, colours, (low, high), unit) in zip(axes, panels, strict=True):
        axis.set_facecolor("0.85")  # what was not checked
        drawn = axis.imshow(
            image, cmap=colours, vmin=low, vmax=high, interpolation="nearest", aspect="auto"
        )
        for edge in np.arange(height, image.shape[0], height):
            axis.axhline(edge - 0.5, color="0.3", linewidth=0.8)
        for edge in np.arange(width, image.shape[1], width):
            axis.axvline(edge - 0.5, color="0.3", linewidth=0.8)
        axis.set_title(title, fontsize=10)
        figure.colorbar(drawn, ax=axis, shrink=0.85).set_label(unit, fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].set_xlabel(f"{' x '.join(map(str, shape))} values", fontsize=8)
    title = _printable(f"{row.layer}, d{row.tensor}: {row.verdict}\n{label}")
    figure.suptitle(title, fontsize=10, wrap=True, parse_math=False)
    figure.savefig(path, dpi=100)


def _printable(text: str) -> str:
    """Return text without control characters, which no zip file and no font has."""
    return re.sub(r"[\x00-\x09\x0b-\x1f]", "?", text)


def _flat(array: Array, *, is_filter: bool) -> Array:
    """Return an array as one image, pictures side by side; a matrix as it is."""
    if array.ndim == 4 and is_filter:  # (KH, KW, C, F): C rows of F pictures
        height, width, channels, filters = array.shape
        array = array.transpose(2, 0, 3, 1).reshape(channels * height, filters * width)
    elif array.ndim == 4:  # (N, H, W, C): N rows of C pictures
        samples, height, width, channels = array.shape
        array = array.transpose(0, 1, 3, 2).reshape(samples * height, channels * width)
    array = array.reshape(-1, array.shape[-1]) if array.ndim > 1 else array.reshape(1, -1)
    rows = max(1, MOST_VALUES // array.shape[1])
    return array[:rows]

"""Measures every captured array: norm, mean, spread, range, zeros, and what is not finite."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, fields

import numpy as np

from cnnrun.engine.names import format_size
from cnnrun.engine.types import Array
from cnnrun.inspection.capture import Capture

__all__ = ["Figures", "figures_of", "measure", "to_csv"]


@dataclass(frozen=True)
class Figures:
    """One row of `stats.csv`: the figures of one array, computed from its finite values in float64.

    Attributes:
        layer, tensor: such as `03_conv2d` and `dw`.
        shape: with the batch axis, where there is one.
        norm: the Euclidean norm. It is None, like mean, std, min and max, if no value is finite.
        zeros: the share of exact zeros.
        nan, infinite: how many values are not finite.
        gradient_to_weight: for the gradient of a parameter, its norm divided by the parameter's.
    """

    layer: str
    tensor: str
    shape: tuple[int, ...]
    norm: float | None
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    zeros: float
    nan: int
    infinite: int
    gradient_to_weight: float | None = None


def figures_of(layer: str, tensor: str, array: Array, parameter: Array | None = None) -> Figures:
    """Return an array's figures; if it is the gradient of a parameter, give that as `parameter`."""
    values = array.astype(np.float64).ravel()
    nan = int(np.isnan(values).sum())
    infinite = int(np.isinf(values).sum())
    finite = values[np.isfinite(values)] if nan or infinite else values
    ratio = None
    if parameter is not None and not (nan or infinite):
        size = float(np.linalg.norm(parameter.astype(np.float64)))
        ratio = float(np.linalg.norm(finite)) / size if size else None
    zeros = float((values == 0).mean()) if values.size else 0.0
    if not finite.size:
        return Figures(
            layer, tensor, array.shape, None, None, None, None, None, zeros, nan, infinite
        )
    return Figures(
        layer,
        tensor,
        array.shape,
        float(np.linalg.norm(finite)),
        float(finite.mean()),
        float(finite.std()),
        float(finite.min()),
        float(finite.max()),
        zeros,
        nan,
        infinite,
        ratio,
    )


def measure(captured: Capture) -> list[Figures]:
    """Return the figures of all arrays, layer by layer in natural order."""
    figures = []
    for node in captured.nodes:
        own = captured.maps[node.name]
        for tensor, array in own.items():
            is_gradient = tensor.startswith("d") and tensor[1:] in node.layer.params
            parameter = own[tensor[1:]] if is_gradient else None
            figures.append(figures_of(node.name, tensor, array, parameter))
    return figures


def to_csv(rows: list[Figures]) -> str:
    """Return the figures as comma-separated values; what has no value is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([field.name for field in fields(Figures)])
    for row in rows:
        cells = {**asdict(row), "shape": format_size(row.shape)}
        writer.writerow(
            ["" if cell is None else repr(cell) if isinstance(cell, float) else cell
             for cell in cells.values()]
        )  # fmt: skip
    return out.getvalue()

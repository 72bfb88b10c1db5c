"""An inspection as one HTML page that needs no network: figures, pictures, and words for both."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from cnnrun.pages import render_template

__all__ = ["EmbeddedPicture", "write_page"]

MOST_NAMED = 12
"""Samples that the page names."""

FLOW_COLUMNS = {
    "layer": "layer",
    "error_norm": "|error|",
    "relative_error": "of the output's",
    "output_rms": "output rms",
    "weight_norm": "|weights|",
    "gradient_norm": "|gradient|",
    "gradient_to_weight": "ratio",
    "zeros": "zeros",
    "dead": "dead",
}
FIGURE_COLUMNS = (
    "layer", "tensor", "shape", "norm", "mean", "std", "min", "max", "zeros", "nan",
    "gradient_to_weight",
)  # fmt: skip


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture as the page has it: a PNG file's bytes, its size, and what it shows in words."""

    layer: str
    kind: str
    description: str
    png: bytes
    size: tuple[int, int]

    @property
    def base64(self) -> str:
        """The PNG file in the letters that an address can hold."""
        return base64.b64encode(self.png).decode("ascii")


def write_page(
    path: Path, title: str, report: dict[str, Any], pictures: Sequence[EmbeddedPicture]
) -> None:
    """Write the page of an inspection.

    Args:
        path: of the file.
        title: what was inspected.
        report: the figures, as `report.json` has them.
        pictures: in the order in which they are shown.
    """
    errors = report["attribution"]["completeness_error"]
    page = render_template(
        "cnnrun.inspection",
        "inspection_page.html.j2",
        heading=f"{title}: what flows backward",
        report=report,
        samples=_sample_names([sample["label"] for sample in report["samples"]]),
        groups=[(layer, list(group)) for layer, group in groupby(pictures, lambda p: p.layer)],
        completeness_error=f"{100 * max(errors):.2f}%" if errors else "",
        flow_columns=list(FLOW_COLUMNS.values()),
        flow_rows=[
            {"cells": [_cell(key, layer[key]) for key in FLOW_COLUMNS], "words": layer["words"]}
            for layer in report["flow"]["layers"]
        ],
        figure_columns=[column.replace("_", " ") for column in FIGURE_COLUMNS],
        figure_rows=[[_cell(key, row[key]) for key in FIGURE_COLUMNS] for row in report["layers"]],
    )
    path.write_text(page, "utf-8")


def _sample_names(labels: Sequence[str]) -> str:
    shown = ", ".join(labels[:MOST_NAMED])
    left_out = len(labels) - MOST_NAMED
    return f"{shown} and {left_out} more" if left_out > 0 else shown


def _cell(column: str, value: Any) -> str:
    """Return a table's cell: a share as a percentage, other numbers with three digits."""
    if value is None:
        return ""
    if column in ("zeros", "dead"):
        return f"{100 * value:.0f}%"
    if column == "shape":
        return " x ".join(map(str, value))
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.3g}"

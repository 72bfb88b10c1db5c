"""What an inspection measured: figures, the flow of gradients, and the folder with all of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.inspection.attribution import Attribution
from cnnrun.inspection.flow import Flow
from cnnrun.inspection.statistics import Figures
from cnnrun.notebook import cell, html_table

__all__ = ["Inspection"]


@dataclass(repr=False)
class Inspection:
    """What an inspection measured, and where it is written.

    Attributes:
        folder: with all files.
        flow: of gradients through the network.
        figures: of every array.
        attribution: on the input.
        notes: what was left out, and why.
        document: the same as `report.json`.
    """

    folder: Path
    flow: Flow
    figures: list[Figures]
    attribution: Attribution
    notes: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def page(self) -> Path:
        """The page of all of it, which opens from disk."""
        return self.folder / "index.html"

    def arrays(self) -> dict[str, Array]:
        """Read the arrays from the folder, by names such as `03_conv2d/dy`."""
        path = self.folder / "maps.npz"
        if path.exists():
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        from safetensors.numpy import load_file

        return dict(load_file(self.folder / "maps.safetensors"))

    def __repr__(self) -> str:
        lines = [f"inspection of {self.document['network']}: {self.page}", *self.flow.verdict]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the verdict, and the flow of gradients layer by layer."""
        rows = [
            (layer.layer, cell(layer.error_norm), cell(layer.gradient_norm), layer.words)
            for layer in self.flow.layers
        ]
        summary = " ".join([*self.flow.verdict, f"All of it: {self.page}"])
        columns = ("layer", "error norm", "gradient norm", "")
        return html_table(f"gradients of {self.document['network']}", summary, columns, rows)

"""An inspection as one HTML page that needs no network: figures, pictures, and words for both."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image

from cnnrun.engine.types import Array
from cnnrun.pages import render_template

__all__ = ["MOST_NAMED", "EmbeddedPicture", "render_page", "sample_picture"]

MOST_NAMED = 12
"""Samples that the page shows first."""
SAMPLE_SIDE = 168
PICTURE_WORDS = ("input", "target", "output")
TRUE_WORDS = {"classification": "true class", "multi_label": "true labels"}

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
    """A picture as the page has it: a PNG file's bytes, its size, and what it shows in words.

    There are no bytes where the words say that the same numbers have been shown before.
    """

    layer: str
    kind: str
    description: str
    png: bytes
    size: tuple[int, int]

    @property
    def base64(self) -> str:
        """The PNG file in the letters that an address can hold."""
        return base64.b64encode(self.png).decode("ascii")


def sample_picture(pixels: Array) -> EmbeddedPicture:
    """Return an image `(H, W, C)` in [0, 1] as the page has it, enlarged if it is small."""
    if pixels.shape[2] != 3:
        pixels = pixels.mean(axis=2)
    image = Image.fromarray(np.uint8(255 * np.clip(np.nan_to_num(pixels), 0, 1)))
    scale = max(1, SAMPLE_SIDE // max(image.size))
    size = (image.width * scale, image.height * scale)
    png = io.BytesIO()
    image.resize(size, Image.Resampling.NEAREST).save(png, "PNG")
    return EmbeddedPicture("input", "sample", "", png.getvalue(), size)


def render_page(
    report: dict[str, Any],
    pictures: Sequence[EmbeddedPicture],
    samples: Sequence[EmbeddedPicture] = (),
    made: Sequence[tuple[EmbeddedPicture | None, ...]] = (),
) -> str:
    """Return the page of an inspection.

    Args:
        report: the figures, as `report.json` has them.
        pictures: in the order in which they are shown.
        samples: the first images that were inspected.
        made: of each, the image to be learnt, if it is known, and the one that the network made;
            none where it makes no images.
    """
    errors, compared = report["attribution"]["completeness_error"], report["compared"]
    title = report["network"]
    names = [title]
    if compared is not None:
        names = compared["names"]
        title = f"{names[0]} and {names[1]}"
    flows = [report["flow"], *([compared["flow"]] if compared else [])]
    groups = {
        layer: list(group) for layer, group in groupby(pictures, lambda picture: picture.layer)
    }
    stories = _stories(report)
    on_input = groups.pop("input", [])
    return render_template(
        "cnnrun.inspection",
        "inspection_page.html.j2",
        heading=f"{title}: what flows backward",
        report=report,
        samples=_sample_cards(report, samples, made),
        true_word=TRUE_WORDS.get(report["task"], "true"),
        left_out=max(0, len(report["samples"]) - MOST_NAMED),
        on_input=on_input,
        groups=[(layer, stories.get(layer, ""), group) for layer, group in groups.items()],
        completeness_error=f"{100 * max(errors):.2f}%" if errors else "",
        flow_columns=list(FLOW_COLUMNS.values()),
        flows=[(name, flow, _flow_rows(flow)) for name, flow in zip(names, flows, strict=True)],
        figure_columns=[column.replace("_", " ") for column in FIGURE_COLUMNS],
        figure_rows=[[_cell(key, row[key]) for key in FIGURE_COLUMNS] for row in report["layers"]],
    )


def _flow_rows(flow: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"cells": [_cell(key, layer[key]) for key in FLOW_COLUMNS], "words": layer["words"]}
        for layer in flow["layers"]
    ]


def _sample_cards(
    report: dict[str, Any],
    pictures: Sequence[EmbeddedPicture],
    made: Sequence[tuple[EmbeddedPicture | None, ...]],
) -> list[dict[str, Any]]:
    """Return for each of the first samples its image, and what each network takes it for."""
    is_judged = report["task"] != "regression"  # of numbers none is quite right
    compared = report["compared"]
    cards = []
    for number, sample in enumerate(report["samples"][:MOST_NAMED]):
        takers = [("", sample)]
        if compared is not None:
            first, second = compared["names"]
            takers = [(f"{first}: ", sample), (f"{second}: ", compared["samples"][number])]
        predictions = [
            {
                "text": f"{name}{taker['predicted']}{_chance(taker['probability'])}",
                "verdict": _judge(sample["true"], taker["predicted"]) if is_judged else "",
            }
            for name, taker in takers
            if taker["predicted"] is not None
        ]
        shown = [*pictures[number : number + 1], *(made[number] if made else ())]
        cards.append(
            {
                "label": sample["label"],
                "true": sample["true"],
                "objective": _cell("objective", sample["objective"]),
                "predictions": predictions,
                "pictures": [
                    (word, picture)
                    for word, picture in zip(PICTURE_WORDS, shown, strict=False)
                    if picture is not None
                ],
            }
        )
    return cards


def _judge(true: str | None, predicted: str) -> str:
    """Return `right` or `wrong`, or nothing where the truth is not known."""
    if true is None:
        return ""
    return "right" if true == predicted else "wrong"


def _chance(probability: float | None) -> str:
    return "" if probability is None else f" ({100 * probability:.1f}%)"


def _stories(report: dict[str, Any]) -> dict[str, str]:
    """Return a sentence or two for every layer: shapes, parameters, and the error that arrives."""
    shapes: dict[str, dict[str, str]] = {}
    for row in report["layers"]:
        shapes.setdefault(row["layer"], {})[row["tensor"]] = _cell("shape", row["shape"])
    stories = {}
    for flow in report["flow"]["layers"]:
        own = shapes.get(flow["layer"], {})
        parts = []
        if "x" in own and "y" in own:
            parts.append(f"{flow['type']} turns x ({own['x']}) into y ({own['y']}).")
        parameters = [name for name in own if f"d{name}" in own and name not in ("x", "y")]
        if parameters:
            listed = ", ".join(f"{name} ({own[name]})" for name in parameters)
            parts.append(f"It learns {listed}.")
        error = f"{flow['relative_error']:.3g} times the error at the network's output"
        parts.append(f"The error that reaches it is {error}; {100 * flow['zeros']:.0f}% of y is 0.")
        if flow["words"]:
            parts.append(f"Look here: {flow['words']}.")
        stories[flow["layer"]] = " ".join(parts)
    return stories


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

"""Images in a page: samples side by side, mistakes with what they were judged by, filters."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from cnnrun.engine import Network
from cnnrun.engine.types import Array
from cnnrun.inspection.attribution import CONVOLUTIONS, integrated_gradients
from cnnrun.inspection.capture import walk
from cnnrun.inspection.objectives import ClassScore
from cnnrun.inspection.pictures import coloured, overlay

__all__ = ["Embedded", "attributions", "embedded", "first_filters", "overlaid", "strip"]

LARGEST, SMALL = 96, 48
"""The longer side of an image in the page's source, in pixels: by itself, and in a row."""
QUALITY = 85
STEPS = 16
"""Of integrated gradients: enough to see which pixels mattered."""
TOGETHER, SECONDS = 4, 4.0
"""So many samples have their maps computed together, as long as that has not taken longer."""
GAP = 1
MOST_FILTERS, FILTERS_A_ROW = 64, 16


@dataclass(frozen=True)
class Embedded:
    """A picture in the page: its file as an address, its size in pixels, and what it shows."""

    source: str
    width: int
    height: int
    description: str


def embedded(pixels: Array, description: str) -> Embedded:
    """Return an image `(H, W, C)` from 0 to 1, or of bytes, made smaller if it is large."""
    return _written(_image(pixels, LARGEST), description, max(pixels.shape[:2]) > SMALL)


def strip(images: Sequence[Array], description: str) -> Embedded:
    """Return images of one size side by side, each made smaller if it is large."""
    tiles = [_image(image, SMALL) for image in images]
    width, height = tiles[0].size
    mode = "LA" if tiles[0].mode == "L" else "RGBA"
    sheet = Image.new(mode, (len(tiles) * (width + GAP), height))
    for place, tile in enumerate(tiles):
        sheet.paste(tile.convert(mode), (place * (width + GAP), 0))
    return _written(sheet, description, as_photograph=max(images[0].shape[:2]) > SMALL)


def attributions(network: Network, x: Array, classes: Array, baseline: Array) -> Array:
    """Return of which pixels the scores of classes come, `(N, H, W)`: integrated gradients.

    Where a network takes long, it is of the first samples alone.

    Args:
        network: of any dtype.
        x: `(N, H, W, C)`, normalised.
        classes: of each, whose score is asked for.
        baseline: `(C,)`, black after normalisation.
    """
    double, begin, parts = network.astype(np.float64), time.perf_counter(), []
    for start in range(0, len(x), TOGETHER):
        some = slice(start, start + TOGETHER)
        objective = ClassScore(classes[some])
        maps, *_ = integrated_gradients(
            double, x[some].astype(np.float64), objective, baseline, STEPS, most_steps=STEPS
        )
        parts.append(np.abs(maps).sum(axis=3))
        if time.perf_counter() - begin > SECONDS:
            break
    return np.concatenate(parts)


def overlaid(image: Array, heat: Array, description: str) -> Embedded:
    """Return an image `(H, W, C)` from 0 to 1 with a map `(H, W)` laid over it."""
    return embedded(overlay(image, heat), description)


def first_filters(network: Network) -> tuple[str, Embedded] | None:
    """Return the name of the first convolution and its filters; None without one.

    Filters of three channels are shown in colour, each with a scale of its own; others by the mean
    over their channels, red positive and blue negative.
    """
    node = next((node for node in walk(network) if node.layer.type_name in CONVOLUTIONS), None)
    if node is None or "w" not in node.layer.params:
        return None
    weights = np.asarray(node.layer.params["w"], np.float64)
    if weights.ndim != 4:
        return None
    filters = np.moveaxis(weights, 3, 0)[:MOST_FILTERS]  # (F, KH, KW, C)
    tiles = []
    for each in filters:
        if each.shape[2] == 3:
            low, high = each.min(), each.max()
            tiles.append(_bytes((each - low) / max(high - low, 1e-12)))
        else:
            mean = each.mean(axis=2)
            tiles.append(coloured(mean, float(np.abs(mean).max()), signed=True))
    height, width = tiles[0].shape[:2]
    scale = max(1, 32 // max(height, width))
    columns = min(FILTERS_A_ROW, len(tiles))
    rows, side = -(-len(tiles) // columns), (width * scale + 8, height * scale + 8)
    sheet = Image.new("RGBA", (columns * side[0], rows * side[1]))
    for place, tile in enumerate(tiles):
        size = (width * scale, height * scale)
        image = Image.fromarray(tile).resize(size, Image.Resampling.NEAREST)
        sheet.paste(image, (place % columns * side[0], place // columns * side[1]))
    count = weights.shape[3]
    left = f", the first {MOST_FILTERS} of {count}" if len(tiles) < count else ""
    words = f"filters of {node.name}, {height}x{width}x{weights.shape[2]}{left}"
    return node.name, _written(sheet, words)


def _bytes(pixels: Array) -> Array:
    """Return pixels from 0 to 1 as bytes, `(H, W, 3)`, or `(H, W)` of what has no colours."""
    if pixels.shape[2] != 3:
        pixels = pixels.mean(axis=2)
    levels: Array = np.rint(255 * np.clip(np.nan_to_num(pixels), 0, 1)).astype(np.uint8)
    return levels


def _image(pixels: Array, most: int) -> Image.Image:
    image = Image.fromarray(pixels if pixels.dtype == np.uint8 else _bytes(pixels))
    image.thumbnail((most, most))
    return image


def _written(image: Image.Image, description: str, as_photograph: bool = False) -> Embedded:
    """Return a picture as the page has it: small ones to the pixel, photographs as JPEG."""
    file = io.BytesIO()
    if as_photograph:
        image.convert("RGB").save(file, "JPEG", quality=QUALITY)
    else:
        image.save(file, "PNG")
    letters = base64.b64encode(file.getvalue()).decode("ascii")
    kind = "jpeg" if as_photograph else "png"
    source = f"data:image/{kind};base64,{letters}"
    return Embedded(source, image.width, image.height, description)

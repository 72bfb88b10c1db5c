"""Draws arrays as tiles, one square for each value, with a colour bar to the left of them.

Signed values are blue (negative) to red (positive) around white; values that cannot be negative go
from dark blue to yellow. Both can be told apart by people who see colours differently.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnrun.engine.types import Array

__all__ = ["colour_table", "coloured", "draw_tiles", "overlay"]

SMALLEST_TILE = 48
LARGEST_TILE = 224
WIDEST = 1000
"""Of the tiles together, so that a page of 1,280 pixels shows a picture whole."""
BAR = 84
GAP = 4
INK, PAPER, SOFT = (30, 30, 30), (255, 255, 255), (110, 110, 110)
BROKEN = (0, 200, 80)
"""The colour of values that are not finite: a green that neither scale has."""


def draw_tiles(
    title: str,
    tiles: Array,
    *,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    note: str = "",
    count: int | None = None,
    own_scales: bool = False,
) -> Image.Image:
    """Return a picture of `tiles` `(rows, columns, height, width)`.

    Args:
        title: above the picture.
        tiles: what is drawn.
        row_labels: one a row; likewise the columns.
        column_labels: one a column.
        note: below the picture: what was left out.
        count: how many tiles there are, row by row, if the last row is not full.
        own_scales: give each tile a scale of its own, whose end stands below it, instead of one
            scale for all.
    """
    largest = _largest(tiles)
    signed = bool(np.min(tiles, where=np.isfinite(tiles), initial=0) < 0)
    rows, columns, height, width = tiles.shape
    scale = _scale(height, width, columns)
    if scale < 1:
        skip = int(np.ceil(1 / scale))
        tiles = tiles[:, :, ::skip, ::skip]
        note = f"{note}; every {skip}th pixel is drawn".lstrip("; ")
        height, width = tiles.shape[2:]
        scale = 1
    scale = int(scale)
    gap, font = GAP, _font(13)
    left = 8 + BAR + max((int(font.getlength(label)) + 8 for label in row_labels), default=0)
    top = 34 + (16 if column_labels else 0)
    below = 18 if own_scales else 0
    inner_width = columns * (width * scale + gap)
    inner_height = rows * (height * scale + gap + below)
    full = (
        max(left + inner_width + 8, int(_font(15).getlength(title)) + 20,
            int(font.getlength(note)) + 20),
        max(top + inner_height, top + 130) + (26 if note else 8),
    )  # fmt: skip
    canvas = Image.new("RGB", full, PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((8, 8), title, INK, _font(15))
    for row, column in np.ndindex(rows, columns):
        if count is not None and row * columns + column >= count:
            break
        end = _largest(tiles[row, column]) if own_scales else largest
        colours = coloured(tiles[row, column], end, signed)
        tile = Image.fromarray(colours).resize(
            (width * scale, height * scale), Image.Resampling.NEAREST
        )
        place = (left + column * (width * scale + gap), top + row * (height * scale + gap + below))
        canvas.paste(tile, place)
        draw.rectangle(
            [place[0] - 1, place[1] - 1, place[0] + width * scale, place[1] + height * scale],
            outline=(190, 190, 190),
        )
        if column == 0 and row < len(row_labels):
            draw.text((8 + BAR, place[1] + height * scale // 2 - 7), row_labels[row], SOFT, font)
        if row == 0 and column < len(column_labels):
            fits = font.getlength(column_labels[column]) <= width * scale + gap
            if fits or column % 4 == 0:
                draw.text((place[0], top - 17), column_labels[column], SOFT, font)
        if own_scales:
            text = f"{'±' if signed else 'to '}{end:.2g}" if end else "all zero"
            draw.text((place[0], place[1] + height * scale + 2), text, INK, font)
    _draw_bar(draw, (8, top), None if own_scales and largest else largest, signed)
    if not largest and not own_scales:
        text = "all zero"
        draw.text((left + 4, top + 2), text, INK, font)
    if note:
        draw.text((8, full[1] - 20), note, SOFT, font)
    return canvas


def _largest(values: Array) -> float:
    """Return the size of the largest finite value."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0))


def overlay(image: Array, heat: Array) -> Array:
    """Return an image `(H, W, C)` in [0, 1] with a map `(H, W)` laid over it, `(H, W, 3)` bytes."""
    grey = image.mean(axis=2)
    strength = heat / max(float(heat.max(initial=0)), 1e-12)
    colours = colour_table("viridis")[(255 * np.clip(strength, 0, 1)).astype(np.uint8)]
    base = np.repeat(255 * np.clip(grey, 0, 1)[:, :, None], 3, axis=2)
    return (0.45 * base + 0.55 * colours).astype(np.uint8)


def _scale(height: int, width: int, columns: int) -> float:
    """Return the side of a value's square in pixels; below 1 where values must be left out."""
    side = max(height, width)
    largest = LARGEST_TILE if columns <= 2 else LARGEST_TILE // 2
    scale = max(1, SMALLEST_TILE // side, min(largest // side, WIDEST // (columns * width)))
    while scale > 1 and columns * (width * scale + GAP) > WIDEST:
        scale -= 1
    whole = max(columns * (width * scale + GAP), height)
    return scale if whole <= 2 * WIDEST else min(1.0, 2 * WIDEST / whole)


def coloured(values: Array, end: float, signed: bool) -> Array:
    """Return `(H, W, 3)` bytes: `end` is the value of the strongest colour, blue below zero."""
    with np.errstate(invalid="ignore"):
        part = values / end if end else np.zeros_like(values)
        part = (part + 1) / 2 if signed or not end else part
        index = np.nan_to_num(255 * np.clip(part, 0, 1)).astype(np.uint8)
    table = colour_table("RdBu_r" if signed or not end else "viridis")
    colours: Array = table[index].astype(np.uint8)
    colours[~np.isfinite(values)] = BROKEN
    return colours


def _draw_bar(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], end: float | None, signed: bool
) -> None:
    """Draw the colour bar, with the numbers at its ends and at zero; in words if `end` is None."""
    table = colour_table("RdBu_r" if signed or end == 0 else "viridis")
    left, top = place
    height = 110
    for row in range(height):
        colour = tuple(int(v) for v in table[255 - int(255 * row / (height - 1))])
        draw.line([left, top + row, left + 14, top + row], fill=colour)
    draw.rectangle([left, top, left + 14, top + height], outline=SOFT)
    high, low = ("largest", "-largest") if end is None else (f"{end:.3g}", f"{-end:.3g}")
    marks = [(0, high if end != 0 else "0"), (height, low if signed else "0")]
    if signed:
        marks.insert(1, (height // 2, "0"))
    for offset, text in marks:
        draw.text((left + 20, top + offset - 7), text, INK, _font(13))


@cache
def colour_table(name: str) -> Array:
    """Return a colour map as 256 rows of red, green and blue, 0 to 255."""
    from matplotlib import colormaps

    return np.array(255 * colormaps[name](np.linspace(0, 1, 256))[:, :3])


@cache
def _font(size: int) -> Any:
    return ImageFont.load_default(size)

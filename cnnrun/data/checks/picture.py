"""Draws pairs of images side by side, with their names, labels and difference."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnrun.data.checks.findings import Finding, Pair
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["MOST_PAIRS", "PNG", "chosen_pairs", "draw_pairs"]

MOST_PAIRS = 24
PNG = ".png"
COLUMNS = 4
BOX, GAP, MARGIN = 128, 4, 20
LINE, SIZE = 15, 11
INK, FAINT, WRONG = (20, 20, 20), (95, 95, 95), (176, 0, 32)
SIGNS = {"exact": "same pixels", "near": "near copy", "turned": "mirrored or turned"}


def chosen_pairs(findings: Iterable[Finding]) -> list[Pair]:
    """Return 24 pairs at most, in the order of the findings, some of every one, and none twice.

    Of each finding they are spread from the smallest difference to the largest, so that the picture
    shows where the line was drawn.
    """
    groups = [finding.pairs for finding in findings if finding.pairs]
    chosen: dict[int, list[Pair]] = {}
    taken: set[Pair] = set()
    # Small groups first: what they leave of their share is for the others.
    for turn, place in enumerate(sorted(range(len(groups)), key=lambda place: len(groups[place]))):
        fresh = [pair for pair in groups[place] if pair not in taken]
        share = (MOST_PAIRS - len(taken)) // (len(groups) - turn)
        spread = np.linspace(0, len(fresh) - 1, min(share, len(fresh))).astype(int)
        chosen[place] = [fresh[number] for number in spread]
        taken.update(chosen[place])
    return [pair for place in range(len(groups)) for pair in chosen[place]]


def draw_pairs(pairs: list[tuple[Pair, Array, Array]], path: Path) -> None:
    """Write a PNG file of pairs, each with both images `(H, W, C)` from 0 to 1.

    Raises:
        DataError: there are none.
    """
    if not pairs:
        raise DataError(f"{path}: there are no pairs to draw")
    columns = min(COLUMNS, len(pairs))
    width, height = 2 * BOX + GAP + MARGIN, BOX + 3 * LINE + MARGIN
    rows = -(-len(pairs) // columns)
    canvas = Image.new("RGB", (columns * width + MARGIN, rows * height + MARGIN), "white")
    draw = ImageDraw.Draw(canvas)
    for number, (pair, first, second) in enumerate(pairs):
        left = MARGIN + number % columns * width
        top = MARGIN + number // columns * height
        heading = SIGNS[pair.kind]
        if pair.kind != "exact":
            heading += f", difference {pair.difference:.3f}"
        if pair.conflict:
            heading += ", labels differ"
        _write(draw, (left, top), heading, WRONG if pair.conflict else INK, 2 * BOX + GAP)
        for side, (sample, image) in enumerate(((pair.first, first), (pair.second, second))):
            at = left + side * (BOX + GAP)
            shown = _picture(image)
            below = top + LINE + 2
            canvas.paste(shown, (at + (BOX - shown.width) // 2, below + (BOX - shown.height) // 2))
            _write(draw, (at, below + BOX + 1), str(sample), INK, BOX)
            _write(draw, (at, below + BOX + 1 + LINE), sample.label, FAINT, BOX)
    canvas.save(path, "PNG")


def _picture(image: Array) -> Image.Image:
    """Return an image fitted into the box: its pixels as squares where it is small."""
    channels = image.shape[2]
    visible = image[:, :, :3] if channels >= 3 else image.mean(axis=2, keepdims=True)
    levels = np.clip(np.rint(255 * visible), 0, 255).astype(np.uint8)
    picture = Image.fromarray(levels if levels.shape[2] == 3 else levels[:, :, 0]).convert("RGB")
    scale = BOX / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    how = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
    return picture.resize(size, how)


def _write(
    draw: ImageDraw.ImageDraw, place: tuple[int, int], text: str, ink: tuple[int, ...], room: int
) -> None:
    """Write a line, the beginning of one that is too long left out: names differ at their end."""
    font = _font()
    if draw.textlength(text, font) > room:
        while text and draw.textlength(f"...{text}", font) > room:
            text = text[1:]
        text = f"...{text}"
    draw.text(place, text, fill=ink, font=font)


@cache
def _font() -> ImageFont.FreeTypeFont:
    """Return a font that comes with Matplotlib; Pillow's own has no letters but a to z."""
    from matplotlib import get_data_path

    return ImageFont.truetype(Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", SIZE)

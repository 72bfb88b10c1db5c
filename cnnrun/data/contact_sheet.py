"""Draws samples of a data set in one picture: a row for each class, augmented ones below."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnrun.data.dataset import has_labels
from cnnrun.data.pipeline import PreparedData
from cnnrun.data.samples import Samples
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Row", "contact_sheet", "sheet_rows"]

COLUMNS = 8
MOST_CLASSES, MOST_AUGMENTED = 20, 10
GROUPS = 4
"""Rows of samples where there are no classes."""
DRAWS = 3
"""How often a sample is augmented: as in the first epochs of a training."""
SMALLEST, LARGEST = 64, 128  # the longer side of an image in the picture
GAP, LINE, LONGEST = 6, 16, 26
INK, SOFT, PAPER, EDGE = (30, 30, 30), (110, 110, 110), (255, 255, 255), (190, 190, 190)


@dataclass(frozen=True)
class Row:
    """Images side by side.

    Attributes:
        label: stands to the left of them.
        note: below it, in grey.
        images: `(H, W, C)` each, from 0 to 1.
    """

    label: str
    note: str
    images: list[Array]


@dataclass(frozen=True)
class Group:
    """Samples that belong together, and what they are called."""

    label: str
    note: str
    indices: Array


def contact_sheet(data: PreparedData, *, augmented: bool = False) -> Image:
    """Return a picture of training samples.

    Classes have a row each, the first 20 of them (10 if they are augmented); the samples of a
    regression go from the smallest number to the largest; images that are to be learnt stand below
    their inputs.

    Args:
        data: the data set, as an experiment uses it.
        augmented: draw the samples below as they are in the first epochs of a training, too.

    Raises:
        DataError: nothing changes the samples in training.
    """
    if augmented and not (data.train.augment or data.train.corrupt):
        raise DataError(
            f"{data.info.name}: no sample is augmented; data.augment says how, in a configuration"
        )
    rows, note = sheet_rows(data, augmented=augmented)
    return _draw(f"{data.info.name}: {len(data.train):,} training samples", rows, note)


def sheet_rows(
    data: PreparedData, *, augmented: bool = False, most_classes: int | None = None
) -> tuple[list[Row], str]:
    """Return the rows of a contact sheet, and what is said of the classes that have none."""
    most = most_classes or (MOST_AUGMENTED if augmented else MOST_CLASSES)
    groups, note = _groups(data, most)
    return [row for group in groups for row in _rows(data.train, group, augmented)], note


def _groups(data: PreparedData, most: int) -> tuple[list[Group], str]:
    """Return which samples are drawn, and what is said of those that are not."""
    labels, names = data.train.labels, data.info.class_names
    if has_labels(data.info.task):
        groups = []
        for number, name in enumerate(names[:most]):
            own = np.flatnonzero(labels == number if labels.ndim == 1 else labels[:, number])
            groups.append(Group(name, f"{len(own):,} sample{'s' * (len(own) != 1)}", own[:COLUMNS]))
        left = len(names) - len(groups)
        return groups, f"{left:,} more class{'es' * (left != 1)} not drawn" if left else ""
    count = min(len(labels), COLUMNS * GROUPS)
    if data.info.task == "image":
        parts = np.array_split(np.arange(count), -(-count // COLUMNS))
        return [Group("inputs", "", part) for part in parts], ""
    order = np.argsort(labels[:, 0], kind="stable")
    spread = order[np.linspace(0, len(order) - 1, count).astype(int)]
    return [
        Group(f"{labels[part[0], 0]:.4g} to {labels[part[-1], 0]:.4g}", names[0], part)
        for part in np.array_split(spread, -(-count // COLUMNS))
    ], ""


def _rows(samples: Samples, group: Group, augmented: bool) -> list[Row]:
    """Return the rows of some samples: as they are, and as training sees them."""
    scaled, learnt = samples.split.pixel_range.scaled, samples.labels[group.indices]
    rows = [Row(group.label, group.note, list(scaled(samples.split.images[group.indices])))]
    if learnt.ndim == 4:
        rows.append(Row("targets", "", list(scaled(learnt))))
    if not augmented or not len(group.indices):
        return rows
    for epoch in range(DRAWS):
        images, targets = samples.batch(group.indices, seed=samples.seed, epoch=epoch)
        images = images.copy()  # which the targets may be
        samples.statistics.restore(images)
        rows.append(Row("", f"epoch {epoch + 1}", list(images)))
        if learnt.ndim == 4 and not samples.inputs_are_targets:
            rows.append(Row("", "its targets", list(targets)))
    return rows


def _draw(title: str, rows: list[Row], note: str) -> Image:
    from PIL import Image, ImageDraw

    font, small = _font(13), _font(11)
    drawn = [[_tile(image) for image in row.images] for row in rows]
    labels = [(_shortened(row.label), _shortened(row.note)) for row in rows]
    left = 2 * GAP + max(
        int(max(font.getlength(label), small.getlength(under))) for label, under in labels
    )
    heights = [max([2 * LINE, *(tile.height for tile in tiles)]) + GAP for tiles in drawn]
    widths = [sum(tile.width + GAP for tile in tiles) for tiles in drawn]
    top = 2 * GAP + LINE
    width = max(left + max(widths), int(font.getlength(title)), int(small.getlength(note)))
    sheet = Image.new(
        "RGB", (width + 2 * GAP, top + sum(heights) + (LINE + GAP) * bool(note)), PAPER
    )
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, GAP), title, INK, font)
    for (label, under), tiles, height in zip(labels, drawn, heights, strict=True):
        draw.text((GAP, top), label, INK, font)
        draw.text((GAP, top + LINE * bool(label)), under, SOFT, small)
        place = left
        for tile in tiles:
            sheet.paste(tile, (place, top))
            edge = [place - 1, top - 1, place + tile.width, top + tile.height]
            draw.rectangle(edge, outline=EDGE)
            place += tile.width + GAP
        top += height
    draw.text((GAP, top), note, SOFT, small)
    return sheet


def _tile(image: Array) -> Image:
    """Return an image of a size that can be seen."""
    from PIL import Image

    levels = np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8)
    if levels.shape[2] != 3:
        levels = np.rint(levels.mean(axis=2)).astype(np.uint8)
    tile, longer = Image.fromarray(levels), max(levels.shape[:2])
    if longer > LARGEST:
        tile.thumbnail((LARGEST, LARGEST))
        return tile
    scale = max(1, -(-SMALLEST // longer) if longer < SMALLEST else 1)
    return tile.resize((tile.width * scale, tile.height * scale), Image.Resampling.NEAREST)


def _shortened(text: str) -> str:
    """Return a text in one line that can be drawn; names may be anything."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 3]}..."


@cache
def _font(size: int) -> Any:
    """Return a font that has most alphabets, which Pillow's own does not."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)

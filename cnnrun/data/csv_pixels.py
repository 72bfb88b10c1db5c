"""Pixels of a CSV file, one image a row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from math import isqrt
from operator import itemgetter
from typing import NamedTuple

import numpy as np

from cnnrun.data.csv_file import CsvFile, Row, number
from cnnrun.data.csv_labels import Labelled
from cnnrun.data.dataset import require_memory
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["Pixels", "images_of", "pixel_shape", "read_pixels"]


class Pixels(NamedTuple):
    """Pixels `(N, K)`, uint8 if that holds them, else float32; and whether all are whole."""

    values: Array
    whole: bool


CHUNK = 512
"""Rows that are numbers of 64 bits at a time."""
LEVELS = {str(level): level for level in range(256)}


def pixel_shape(columns: int, shape: tuple[int, ...] | None, where: str) -> tuple[int, int, int]:
    """Return height, width and channels of images of so many numbers; by default they are square.

    Raises:
        DataError: `shape` has another number, or none is given and there is no such square.
    """
    if shape is not None:
        height, width, channels = (*shape, 1)[:3]
        if height * width * channels != columns:
            size = "x".join(map(str, shape))
            raise DataError(
                f"{where}: {columns} columns of pixels, but shape {size} has "
                f"{height * width * channels}"
            )
        return height, width, channels
    side = isqrt(columns)
    if side * side != columns or not side:
        colour = isqrt(columns // 3)
        hint = f" (or [{colour}, {colour}, 3])" if 3 * colour * colour == columns else ""
        raise DataError(
            f"{where}: {columns} columns of pixels are no square; say shape: [height, width]{hint}"
            ", which column is the label, and which to ignore"
        )
    return side, side, 1


def read_pixels(file: CsvFile, columns: tuple[int, ...], keep: Callable[[Row], None]) -> Pixels:
    """Return the pixels of a file.

    Args:
        file: the file.
        columns: of the pixels, from 0.
        keep: is handed every row.

    Raises:
        DataError: a cell is no number; the message names its line and column.
    """
    parts, rows, whole, count = [], file.rows(), True, 0
    while chunk := list(islice(rows, CHUNK)):
        count += len(chunk)
        require_memory(str(file.path), (count, len(columns)))
        values = _levels(chunk, columns)
        if values is None:
            values = _numbers(file, chunk, columns)
            whole = whole and bool((values == np.rint(values)).all())
        parts.append(values)
        for row in chunk:
            keep(row)
    empty: Array = np.empty((0, len(columns)), np.uint8)
    return Pixels(np.concatenate([empty, *parts]), whole)


def images_of(
    pixels: Pixels,
    shape: tuple[int, int, int],
    *,
    channels_first: bool,
    maximum: float | None,
    images: list[Labelled],
    columns: tuple[int, ...],
) -> tuple[Array, float]:
    """Return images `(N, H, W, C)`, and the pixel value that means 1.

    Args:
        pixels: of all images.
        shape: height, width and channels.
        channels_first: whether a row has one channel after the other.
        maximum: the pixel value that means 1; by default 255 for whole numbers, 1 for others.
        images: where they stand.
        columns: of the pixels.

    Raises:
        DataError: a pixel is out of range, or nothing tells what the range is.
    """
    values, whole = pixels
    if maximum is None:
        if whole and len(values) and values.max() <= 1:
            raise DataError(
                f"{images[0].file.path}: all pixels are 0 or 1; say maximum: 1 if 1 is white, or "
                "maximum: 255 if that is"
            )
        maximum = 255.0 if whole else 1.0
    bad = ~((values >= 0) & (values <= maximum))
    if bad.any():
        place, column = np.unravel_index(bad.argmax(), bad.shape)
        raise images[place].error(
            columns[column],
            f"is no pixel between 0 and {maximum:g} (set maximum if another value means 1)",
            f"{values[place, column]:g}",
        )
    values = values.astype(np.uint8 if whole and maximum <= 255 else np.float32, copy=False)
    height, width, channels = shape
    if channels_first:
        first = values.reshape(-1, channels, height, width)
        return np.ascontiguousarray(first.transpose(0, 2, 3, 1)), maximum
    return values.reshape(-1, height, width, channels), maximum


def _levels(rows: list[Row], columns: tuple[int, ...]) -> Array | None:
    """Return pixels that are all written as 0 to 255; looking them up is fast and strict."""
    cells_of, level_of = _getter(columns), LEVELS.__getitem__
    try:
        content = b"".join(bytes(map(level_of, cells_of(row.cells))) for row in rows)
    except KeyError:
        return None
    return np.frombuffer(content, np.uint8).reshape(len(rows), len(columns))


def _numbers(file: CsvFile, rows: list[Row], columns: tuple[int, ...]) -> Array:
    """Return pixels as float32.

    Raises:
        DataError: a cell is no number, which is more than that Python would read it as one.
    """
    values, cells_of = np.empty((len(rows), len(columns))), _getter(columns)
    for row, pixels in zip(rows, values, strict=True):
        cells = cells_of(row.cells)
        text = "".join(cells)
        try:
            pixels[:] = list(map(float, cells))
            strict = text.isascii() and "_" not in text and bool(np.isfinite(pixels).all())
        except ValueError:
            strict = False
        for column, cell in zip(columns, cells, strict=True) if not strict else ():
            if number(cell) is None:
                raise file.error(row.line, column, cell, "is no number")
    with np.errstate(over="ignore"):  # what float32 cannot hold is out of range, and refused
        return values.astype(np.float32)


def _getter(columns: tuple[int, ...]) -> Callable[[list[str]], tuple[str, ...]]:
    """Return what takes a row's cells of some columns."""
    return itemgetter(*columns) if len(columns) > 1 else lambda cells: (cells[columns[0]],)

"""Which columns of a CSV file are labels, pixels, the names of image files, and the split."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from cnnrun.data.csv_file import Column, CsvFile
from cnnrun.data.images import SUFFIXES
from cnnrun.errors import DataError, shortened

__all__ = ["LABELS", "Columns", "assigned", "called", "image_columns"]

LABELS = ("label", "labels", "class", "target")


class Columns(NamedTuple):
    """What a file's columns are, by their numbers from 0.

    Attributes:
        labels: the labels.
        split: which split an image belongs to; None without such a column.
        images: the names of image files; None where the images are the pixels.
        pixels: the pixels.
    """

    labels: tuple[int, ...]
    split: int | None
    images: int | None
    pixels: tuple[int, ...]


def assigned(
    file: CsvFile,
    *,
    label: Column | tuple[Column, ...] | None,
    split: Column | None,
    images: Column | None,
    ignore: tuple[Column, ...],
) -> Columns:
    """Return which columns are what, as said, or as their names and the first row tell.

    Raises:
        DataError: there is no such column, one is given twice, or nothing tells the label's.
    """
    ignored = [file.index(column, "ignore") for column in ignore]
    given = label if isinstance(label, tuple) else (label,)
    labels = [file.index(column, "label") for column in given if column is not None]
    splits = [file.index(split, "split")] if split is not None else called(file, ("split",))
    listed = [file.index(images, "images")] if images is not None else []
    used = [*ignored, *labels, *splits, *listed]
    if len(set(used)) < len(used):
        twice = next(index for index in used if used.count(index) > 1)
        raise DataError(f"{file.path}: {file.name(twice)} is given twice; a column has one use")
    if images is None:
        listed = image_columns(file, used)
        if len(listed) > 1:
            names = ", ".join(map(file.name, listed))
            raise DataError(f"{file.path}: image files are named in {names}; say images: which")
    rest = [index for index in range(file.width) if index not in (*used, *listed)]
    if not labels:
        labels = [_label(file, rest, bool(listed))]
    return Columns(
        tuple(labels),
        splits[0] if splits else None,
        listed[0] if listed else None,
        () if listed else tuple(index for index in rest if index not in labels),
    )


def called(file: CsvFile, names: tuple[str, ...]) -> list[int]:
    """Return the columns that have one of these names, in small letters."""
    return [index for index, name in enumerate(file.names) if name.lower() in names]


def image_columns(file: CsvFile, used: list[int]) -> list[int]:
    """Return the columns, others than those in use, whose first cell looks like an image file.

    Raises:
        DataError: there are no rows.
    """
    row = next(file.rows(), None)
    if row is None:
        raise DataError(f"{file.path}: has a header, but no rows")
    cells = enumerate(row.cells)
    return [index for index, cell in cells if index not in used and _is_image(cell)]


def _is_image(cell: str) -> bool:
    return Path(cell.strip()).suffix.lower() in SUFFIXES


def _label(file: CsvFile, rest: list[int], listing: bool) -> int:
    """Return the column of the label: by its name, or the only one, or the first before pixels."""
    named = [index for index in called(file, LABELS) if index in rest]
    if len(named) == 1:
        return named[0]
    if rest and not named and (len(rest) == 1 or not listing):
        return rest[0]
    names = shortened(", ".join(map(file.name, named or rest)), 200) or "none is left"
    raise DataError(f"{file.path}: say which column is the label: {names}")

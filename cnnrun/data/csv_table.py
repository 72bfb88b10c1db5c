"""The rows of a CSV file, or of one for each split, as one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cnnrun.data.csv_columns import Columns
from cnnrun.data.csv_file import CsvFile, Row
from cnnrun.data.csv_labels import Labelled
from cnnrun.data.csv_pixels import Pixels, read_pixels
from cnnrun.data.split_folders import split_named
from cnnrun.errors import DataError

__all__ = ["Table", "open_files", "read_table"]

MAXIMUM_ROWS = 10_000_000


class Table(NamedTuple):
    """What the rows of all files say, in order.

    Attributes:
        images: where each image stands, its split, and its cells beside its pixels.
        pixels: of all images; None where they are not asked for, or there are none.
    """

    images: list[Labelled]
    pixels: Pixels | None


def open_files(path: Path, others: dict[str, str | None], header: bool | None) -> list[CsvFile]:
    """Return the file, and those beside it that hold other splits; all have the same columns.

    Args:
        path: the file.
        others: the names of the others by split.
        header: whether the first lines name the columns; by default the files tell.

    Raises:
        DataError: they cannot be read, or have other columns.
    """
    first = CsvFile(path, header)
    files = [first]
    for split, name in others.items():
        if name is not None:
            file = CsvFile(path.parent / name, header, split)
            if (file.names, file.width) != (first.names, first.width):
                raise DataError(
                    f"{file.path}: its columns ({file.described()}) are not those of {path} "
                    f"({first.described()})"
                )
            files.append(file)
    return files


def read_table(files: list[CsvFile], columns: Columns, *, pixels: bool) -> Table:
    """Return what all rows say.

    Args:
        files: the files.
        columns: which of their columns are what.
        pixels: whether to read the pixels, too.

    Raises:
        DataError: a cell is wrong, or there are no rows, none to train on, or too many.
    """
    images: list[Labelled] = []
    others = [*columns.labels, *(index for index in columns[1:3] if index is not None)]
    parts = []
    for file in files:
        keep = _keeper(images, file, columns, others)
        if pixels and columns.pixels:
            parts.append(read_pixels(file, columns.pixels, keep))
        else:
            for row in file.rows():
                keep(row)
    if not any(image.split == "train" for image in images):
        what = "no row is of the split train" if images else "has no rows"
        raise DataError(f"{files[0].path}: {what}")
    if not parts:
        return Table(images, None)
    whole = all(part.whole for part in parts)
    return Table(images, Pixels(np.concatenate([part.values for part in parts]), whole))


def _keeper(
    images: list[Labelled], file: CsvFile, columns: Columns, others: list[int]
) -> Callable[[Row], None]:
    """Return what adds an image for each row of a file."""

    def keep(row: Row) -> None:
        split = file.split
        if columns.split is not None:
            said = row.cells[columns.split]
            known = split_named(said)
            if known is None:
                raise file.error(row.line, columns.split, said, "is none of train, val, test")
            split = known
        if len(images) == MAXIMUM_ROWS:
            raise DataError(f"{file.path}:{row.line}: more than {MAXIMUM_ROWS:,} images")
        images.append(Labelled(split, file, row.line, {at: row.cells[at] for at in others}))

    return keep

"""Image files that a CSV file lists."""

from __future__ import annotations

from os.path import isfile  # unlike a Path's, it takes any name
from pathlib import Path
from typing import Literal

import numpy as np

from cnnrun.data.csv_labels import Labelled
from cnnrun.data.image_files import common_size, read_files, read_headers, require_one_depth
from cnnrun.data.images import Fit
from cnnrun.data.pixel_range import PixelRange
from cnnrun.data.rows import Images, chosen
from cnnrun.engine.types import Pair, as_pair
from cnnrun.errors import DataError

__all__ = ["listed_files", "listed_shape", "read_listed"]

MOST_NAMED = 10


def listed_files(images: list[Labelled], column: int, folder: Path, suffix: str) -> list[Path]:
    """Return the file of each image.

    Args:
        images: what the rows say.
        column: of the files' names.
        folder: what these are relative to.
        suffix: what is missing at their ends, such as `.png`.

    Raises:
        DataError: there are no such files; up to ten are named.
    """
    files = [folder / f"{image.cells[column].strip()}{suffix}" for image in images]
    known = {file: isfile(file) for file in dict.fromkeys(files)}
    missing = [
        image.error(column, f"is no file in {folder}")
        for image, file in zip(images, files, strict=True)
        if not known[file]
    ]
    if missing:
        more = [f"and {len(missing) - MOST_NAMED:,} more"] if missing[MOST_NAMED:] else []
        raise DataError("\n".join([*map(str, missing[:MOST_NAMED]), *more]))
    return files


def listed_shape(
    files: list[Path], size: Pair | None, channels: Literal[1, 3] | None, what: str
) -> tuple[int, int, int]:
    """Return height, width and channels of all images, of which only what is not set is read.

    Raises:
        DataError: they differ in size, or cannot be read.
    """
    if size is not None and channels is not None:
        return (*as_pair(size), channels)
    headers = read_headers(list(dict.fromkeys(files)), what)
    own = common_size(headers, what) if size is None else as_pair(size)
    colour = any(header.channels == 3 for header in headers.values())
    return (*own, channels or (3 if colour else 1))


def read_listed(
    files: list[Path], shape: tuple[int, int, int], deep: PixelRange, fit: Fit | None, what: str
) -> tuple[Images, float]:
    """Return the images `(N, H, W, C)`, and the pixel value that means 1.

    Args:
        files: of each image; one that is listed twice is read once.
        shape: height, width and channels.
        deep: what pixels mean in files of 16 bits.
        fit: how images of another size are scaled; by default they are refused.
        what: what messages call the data set.

    Raises:
        DataError: there are files that cannot be read; up to ten are named.
    """
    headers = read_headers(list(dict.fromkeys(files)), what)
    own = deep if require_one_depth(headers, deep) else None
    images = read_files(headers, shape, what, deep=own, fit=fit)
    if len(headers) < len(files):
        places = {file: place for place, file in enumerate(headers)}
        images = chosen(images, np.array([places[file] for file in files]))
    return images, PixelRange().high if own is None else own.high

"""Keeps large sets decoded on the disk: written once, and then read a batch at a time.

What is compressed, or lies in thousands of image files, cannot be read a batch at a time. Decoded
images of more than `LARGE` bytes go into a file of the cache, whose name derives from the state of
what they were decoded from and from how. It appears whole or not at all; it may be deleted whenever
nothing trains.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from itertools import chain
from math import prod
from pathlib import Path

import numpy as np
from filelock import FileLock

from cnnrun.data.download import cache_folder
from cnnrun.data.rows import LARGE, FileRows, Images
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["kept", "state_of"]

VERSION = 1
"""Of the decoders; another one decodes again."""


def state_of(*paths: Path) -> list[tuple[str, int, int]]:
    """Return what tells whether files have changed: name, size and time of each."""
    stats = ((path, path.stat()) for path in paths)
    return [(str(path.resolve()), stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def kept(pieces: Iterable[Array], count: int, state: Sequence[object]) -> Images:
    """Return images in memory, or read from the cache if they are large.

    Args:
        pieces: the images, some at a time, in order; of one shape and dtype.
        count: how many there are.
        state: of what they are decoded from, and how: it tells them from others.

    Raises:
        DataError: what `pieces` raises, or the cache cannot be written.
    """
    iterator = iter(pieces)
    first = next(iterator)
    shape, dtype = (count, *first.shape[1:]), first.dtype
    size = prod(shape) * dtype.itemsize
    pieces = chain([first], iterator)
    if size <= LARGE:
        images, position = np.empty(shape, dtype), 0
        for piece in pieces:
            images[position : position + len(piece)] = piece
            position += len(piece)
        return images
    key = hashlib.sha256(repr((VERSION, shape, dtype.str, *state)).encode()).hexdigest()
    path = cache_folder() / "decoded" / f"{key[:32]}.rows"
    if not _is_whole(path, size):
        _write(path, pieces, size)
    return FileRows(path, shape, dtype)


def _is_whole(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _write(path: Path, pieces: Iterable[Array], size: int) -> None:
    """Write images aside, and give the file its name; of two processes at once, one waits."""
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if _is_whole(path, size):
                return
            try:
                with part.open("wb") as file:
                    for piece in pieces:
                        file.write(np.ascontiguousarray(piece).data)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"{path.parent}: cannot be written to ({error.strerror}); {size:,} bytes of decoded "
            "images are to be kept there (CNNRUN_DATA names another folder)"
        ) from None

"""Images that need not be in memory: rows of a file, and chosen rows of others.

A set larger than memory is read as it is needed, a batch at a time. It is not mapped: pages of a
mapped file count as memory of the process, all of them after an epoch, and a file that another
program cuts short would end a process that has mapped it by a signal.
"""

from __future__ import annotations

import os
import weakref
from math import prod
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np

from cnnrun.engine.types import Array, DType
from cnnrun.errors import DataError

__all__ = ["LARGE", "Chosen", "FileRows", "Images", "chosen", "in_pieces", "joined"]

LARGE = 64 << 20
"""Bytes of images above which they stay where they are, and are read when needed."""

PIECE_BYTES = 4 << 20
"""Of rows that are looked at together."""


class Images(Protocol):
    """Images `(N, H, W, C)`: an array, or what reads one row after another."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> DType: ...

    @property
    def ndim(self) -> int: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Any, /) -> Any:
        """Return one row for a number, and an array of rows for a slice or numbers."""


ImagesT = TypeVar("ImagesT", bound=Images)


class _Rows:
    """What has rows of one shape and dtype, the first of them at 0."""

    def __init__(self, shape: tuple[int, ...], dtype: DType) -> None:
        self.shape, self.dtype, self.ndim = shape, dtype, len(shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any, /) -> Array:
        if isinstance(index, int | np.integer):
            row: Array = self._rows(self._numbers([int(index)]))[0]
            return row
        if isinstance(index, slice):
            return self._rows(np.arange(*index.indices(len(self))))
        return self._rows(self._numbers(index))

    def _numbers(self, index: Any) -> Array:
        """Return row numbers from 0.

        Raises:
            IndexError: there is no such row.
        """
        numbers = np.asarray(index)
        numbers = np.flatnonzero(numbers) if numbers.dtype == bool else numbers.astype(np.intp)
        if len(numbers) and not -len(self) <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"rows {numbers.min()} to {numbers.max()} of {len(self)}")
        return np.where(numbers < 0, numbers + len(self), numbers)

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        """Return all rows in memory, for NumPy."""
        rows: Array = self[:].astype(dtype or self.dtype, copy=False)
        return rows

    def _rows(self, numbers: Array) -> Array:
        raise NotImplementedError


class FileRows(_Rows):
    """Rows of a file that holds one array in C order, from some byte on; each is read when needed.

    The file stays open, and may be read by forked processes at once. Nobody may write to it.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DType, offset: int = 0) -> None:
        """Open the file.

        Raises:
            DataError: it cannot be opened, or is shorter than the array.
        """
        super().__init__(shape, dtype)
        self.path, self.offset = path, offset
        self._row_bytes = prod(shape[1:]) * dtype.itemsize
        try:
            self._descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            weakref.finalize(self, os.close, self._descriptor)
            size = os.fstat(self._descriptor).st_size
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        if size < offset + shape[0] * self._row_bytes:
            raise DataError(
                f"{path}: {size:,} bytes; {shape} of {dtype} from byte {offset:,} on need "
                f"{offset + shape[0] * self._row_bytes:,}"
            )

    def _rows(self, numbers: Array) -> Array:
        rows = np.empty((len(numbers), *self.shape[1:]), self.dtype)
        if not rows.size:
            return rows
        buffer = rows.data.cast("B")
        # Rows that lie one behind the other are read at once.
        breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
        starts = [0, *breaks.tolist()]
        for start, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
            part = buffer[start * self._row_bytes : end * self._row_bytes]
            self._read(part, self.offset + int(numbers[start]) * self._row_bytes)
        return rows

    def _read(self, buffer: memoryview, position: int) -> None:
        while len(buffer):
            try:
                count = self._read_at(buffer, position)
            except OSError as error:
                raise DataError(f"{self.path}: cannot be read ({error.strerror})") from None
            if not count:
                raise DataError(f"{self.path}: was cut short at byte {position:,} while being read")
            buffer, position = buffer[count:], position + count

    def _read_at(self, buffer: memoryview, position: int) -> int:
        """Read what comes at once, and return how much that was."""
        if hasattr(os, "preadv"):  # leaves the file's position alone, which forked processes share
            return os.preadv(self._descriptor, [buffer], position)
        os.lseek(self._descriptor, position, os.SEEK_SET)
        content = os.read(self._descriptor, len(buffer))
        buffer[: len(content)] = content
        return len(content)


class Chosen(_Rows):
    """Chosen rows of other images, in the order chosen."""

    def __init__(self, base: Images, numbers: Array) -> None:
        super().__init__((len(numbers), *base.shape[1:]), base.dtype)
        self.base, self.numbers = base, numbers

    def _rows(self, numbers: Array) -> Array:
        rows: Array = self.base[self.numbers[numbers]]
        return rows


def chosen(images: ImagesT, numbers: Array) -> ImagesT:
    """Return the rows of those numbers: a copy, unless that would be large."""
    rows: Images
    if isinstance(images, Chosen):
        rows = Chosen(images.base, images.numbers[numbers])
    elif isinstance(images, np.ndarray) and images.nbytes <= LARGE:
        rows = images[numbers]
    else:
        rows = Chosen(images, numbers)
    return cast("ImagesT", rows)


def joined(one: ImagesT, other: ImagesT) -> ImagesT:
    """Return the rows of both, one behind the other; where they are of one whole, its rows."""
    rows: Images
    if isinstance(one, Chosen) and isinstance(other, Chosen) and one.base is other.base:
        rows = Chosen(one.base, np.concatenate([one.numbers, other.numbers]))
    else:
        rows = np.concatenate([one[:], other[:]])
    return cast("ImagesT", rows)


def in_pieces(images: Images, size: int = PIECE_BYTES) -> list[slice]:
    """Return slices that go through all rows, each of at most `size` bytes or one row."""
    one = max(1, prod(images.shape[1:]) * images.dtype.itemsize)
    step = max(1, size // one)
    return [slice(start, min(start + step, len(images))) for start in range(0, len(images), step)]

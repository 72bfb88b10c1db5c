"""Reads IDX files, MNIST's format, plain or compressed; what they declare is checked before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np

from cnnrun.data.compressed import expands_too_far, opened
from cnnrun.data.dataset import require_memory
from cnnrun.data.rows import PIECE_BYTES, FileRows
from cnnrun.engine.types import Array, DType
from cnnrun.errors import DataError

__all__ = ["IDX_NAME", "IdxFile"]

IDX_NAME = re.compile(
    r"(?P<prefix>.*?)[-_.]?(?P<split>train|val|t10k|test)[-_.](?P<role>images|labels)"
    r"[-_.]idx\d[-_.]\w+?(\.gz)?",
    re.IGNORECASE,
)
"""The standard names: train-images-idx3-ubyte.gz, emnist-letters-test-labels-idx1-ubyte, ..."""
DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


class IdxFile:
    """One array of big-endian numbers behind a header: two zeros, a type, how many axes, sizes.

    Raises:
        DataError: the file is missing or damaged, or declares another size than it has, or far
            more than its compressed size can hold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with opened(path) as (stream, self._compressed):
            magic = stream.read(4)
            known = magic[:2] == b"\0\0" and len(magic) == 4 and magic[2] in DTYPES
            if not known or not 1 <= magic[3] <= 4:
                raise DataError(
                    f"{path}: not an IDX file; it begins with {magic.hex(' ') or 'nothing'}, not "
                    "with 00 00, a type of numbers (08 for bytes) and the number of axes (1 to 4)"
                )
            axes = magic[3]
            sizes = stream.read(4 * axes)
        if len(sizes) < 4 * axes:
            raise DataError(f"{path}: ends at byte {4 + len(sizes)}, within its header")
        self.dtype: DType = np.dtype(DTYPES[magic[2]])
        self.shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
        self._start = 4 + 4 * axes
        self._check_size()

    def read(self) -> Array:
        """Return the array, in the machine's byte order.

        Raises:
            DataError: its bytes are damaged, or end too soon or too late.
        """
        sizes = tuple(size or 1 for size in self.shape)  # NumPy wants also empty arrays to fit
        require_memory(str(self.path), sizes, self.dtype.itemsize)
        array, position = np.empty(self.shape, self.dtype.newbyteorder("=")), 0
        for piece in self.pieces():
            array[position : position + len(piece)] = piece
            position += len(piece)
        return array

    def pieces(self) -> Iterator[Array]:
        """Yield the array's rows, some at a time, in the machine's byte order.

        Raises:
            DataError: its bytes are damaged, or end too soon or too late.
        """
        one = prod(self.shape[1:]) * self.dtype.itemsize
        step, position = max(1, PIECE_BYTES // max(1, one)), self._start
        with opened(self.path) as (stream, _):
            stream.read(self._start)
            for start in range(0, self.shape[0], step):
                count = min(step, self.shape[0] - start)
                content = stream.read(count * one)
                position += len(content)
                if len(content) < count * one:
                    raise DataError(
                        f"{self.path}: ends at byte {position:,}{self._expanded}; its shape "
                        f"{self.shape} of {self.dtype.name} ends at {self._end:,}"
                    )
                piece = np.frombuffer(content, self.dtype).reshape(count, *self.shape[1:])
                yield piece.astype(self.dtype.newbyteorder("="), copy=False)
            if stream.read(1):
                raise DataError(
                    f"{self.path}: goes on after byte {self._end:,}{self._expanded}, where its "
                    f"shape {self.shape} of {self.dtype.name} ends"
                )

    def rows(self) -> FileRows | None:
        """Return images `(N, H, W, C)` of bytes that are read when needed.

        None is returned if they have to be expanded, or are no bytes.
        """
        if self._compressed or self.dtype != np.uint8:
            return None
        shape = self.shape if len(self.shape) == 4 else (*self.shape, 1)
        return FileRows(self.path, shape, self.dtype, self._start)

    @property
    def _end(self) -> int:
        return self._start + prod(self.shape) * self.dtype.itemsize

    @property
    def _expanded(self) -> str:
        return " once expanded" if self._compressed else ""

    def _check_size(self) -> None:
        """Refuse what the file cannot hold, before memory is taken for it."""
        held = self.path.stat().st_size
        if not self._compressed and held != self._end:
            raise DataError(
                f"{self.path}: declares shape {self.shape} of {self.dtype.name}, which ends at "
                f"byte {self._end:,}, but the file has {held:,} bytes"
            )
        if self._compressed and expands_too_far(self.path, self._end):
            raise DataError(
                f"{self.path}: declares {self._end:,} bytes but has {held:,} compressed: its "
                "header is damaged, or it is a decompression bomb"
            )

"""Reads IDX files, MNIST's format, plain or compressed; what they declare is checked before."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from math import prod
from pathlib import Path

import numpy as np

from cnnrun.data.dataset import require_memory
from cnnrun.engine.types import Array, DType
from cnnrun.errors import DataError

__all__ = ["GZIP", "IdxFile"]

GZIP = b"\x1f\x8b"
"""What a compressed file begins with, whatever it is called."""
DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CHUNK = 1 << 20
BOMB_BYTES, BOMB_RATIO = 64 << 20, 200  # digits compress 5 times, zeros 1,000 times


class IdxFile:
    """One array of big-endian numbers behind a header: two zeros, a type, how many axes, sizes.

    Raises:
        DataError: the file is missing or damaged, or declares another size than it has, or far
            more than its compressed size can hold.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: not an IDX file (it is a folder, a pipe or a device)")
        with self._opened() as stream:
            magic = stream.read(4)
            if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in DTYPES or not magic[3]:
                raise DataError(
                    f"{path}: not an IDX file; it begins with {magic.hex(' ') or 'nothing'}, not "
                    "with 00 00, a type of numbers (08 for bytes) and the number of axes"
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
        array = np.empty(self.shape, self.dtype)
        content, position = array.reshape(-1).view(np.uint8).data, 0
        with self._opened() as stream:
            stream.read(self._start)
            while count := stream.readinto(content[position : position + CHUNK]):
                position += count
            if position < len(content):
                raise DataError(
                    f"{self.path}: ends at byte {self._start + position:,}{self._expanded}; its "
                    f"shape {self.shape} of {self.dtype.name} ends at {self._end:,}"
                )
            if stream.read(1):
                raise DataError(
                    f"{self.path}: goes on after byte {self._end:,}{self._expanded}, where its "
                    f"shape {self.shape} of {self.dtype.name} ends"
                )
        return array.astype(self.dtype.newbyteorder("="), copy=False)

    @property
    def _end(self) -> int:
        return self._start + prod(self.shape) * self.dtype.itemsize

    @property
    def _expanded(self) -> str:
        return " once expanded" if self._compressed else ""

    def _check_size(self) -> None:
        """Refuse what the file cannot hold, before memory is taken for it."""
        require_memory(str(self.path), self.shape, self.dtype.itemsize)
        held = self.path.stat().st_size
        if not self._compressed and held != self._end:
            raise DataError(
                f"{self.path}: declares shape {self.shape} of {self.dtype.name}, which ends at "
                f"byte {self._end:,}, but the file has {held:,} bytes"
            )
        if self._compressed and self._end > max(BOMB_BYTES, BOMB_RATIO * held):
            raise DataError(
                f"{self.path}: declares {self._end:,} bytes but has {held:,} compressed, more than "
                f"{BOMB_RATIO} times fewer: its header is damaged, or it is a decompression bomb"
            )

    @contextmanager
    def _opened(self) -> Iterator[BufferedIOBase]:
        """Open the file, expanding it if it is compressed; what goes wrong becomes a DataError."""
        try:
            with self.path.open("rb") as plain:
                self._compressed = plain.read(2) == GZIP
                plain.seek(0)
                if not self._compressed:
                    yield plain
                    return
                with gzip.GzipFile(fileobj=plain) as stream:
                    yield stream
        except FileNotFoundError:
            raise DataError(f"{self.path}: no such file") from None
        except (EOFError, OSError, zlib.error) as error:
            at = f" at byte {plain.tell():,}" if self._compressed and not plain.closed else ""
            raise DataError(f"{self.path}: cannot be read{at} ({error})") from None

"""Reads .npz files that may be damaged or hostile: headers are checked before any data are read."""

from __future__ import annotations

import io
import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from cnnrun.data.dataset import require_memory
from cnnrun.data.rows import PIECE_BYTES, FileRows
from cnnrun.engine.types import Array, DType
from cnnrun.errors import DataError, excerpt, shortened

__all__ = ["Header", "NpzFile"]

MAXIMUM_KEY = 100  # characters
MAXIMUM_HEADER = 1 << 14  # bytes; NumPy writes a hundred or so
MOST_BYTES = 1 << 40
LENGTHS = 26  # bytes from the start of a member in a zip file to the lengths of its name and extra
BOMB_BYTES, BOMB_RATIO = 64 << 20, 200  # images compress 20 times at best, zeros 1,000 times


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep quiet about a header's outdated or odd spelling; what counts is what comes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Header:
    """What an array's header says.

    Attributes:
        shape, dtype: of the array.
        length: of the header, in bytes.
        in_rows: whether the array lies in C order, one row behind the other.
    """

    shape: tuple[int, ...]
    dtype: DType
    length: int
    in_rows: bool


class NpzFile:
    """The arrays of a file, by name, once all their headers have been checked.

    Raises:
        DataError: the file is missing, damaged or hostile: it holds pickled objects, declares other
            sizes than it has, or expands to more than 1 TiB or far beyond what images do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: dict[str, Header] = {}
        self._members: dict[str, zipfile.ZipInfo] = {}
        if path.exists() and not path.is_file():  # to open a pipe or a device could take for ever
            raise DataError(
                f"{path}: not a readable .npz file (it is a folder, a pipe or a device)"
            )
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    key = member.filename.removesuffix(".npy")
                    if len(key) > MAXIMUM_KEY or not key.isprintable():
                        raise DataError(f"{path}: {excerpt(key)} is no name for an array")
                    if key in self.headers:
                        raise DataError(f"{path}: two arrays are called {key}")
                    self.headers[key] = self._header(archive, member, key)
                    self._members[key] = member
        except FileNotFoundError:
            raise DataError(f"{path}: no such file") from None
        except DataError:
            raise
        except Exception as error:  # zipfile raises whatever a damaged file leads it to
            why = shortened(str(error))
            raise DataError(f"{path}: not a readable .npz file ({why})") from error

    def read(self, key: str) -> Array:
        """Return an array.

        Raises:
            DataError: its bytes are damaged, or it is larger than 8 GiB.
        """
        header = self.headers[key]
        require_memory(f"{self.path}: {key}", header.shape, header.dtype.itemsize)
        try:
            with self.path.open("rb") as stream, _without_warnings():
                array: Array = np.load(stream, allow_pickle=False)[key]
                return array
        except Exception as error:  # as above
            why = shortened(str(error))
            raise DataError(f"{self.path}: {key} cannot be read ({why})") from error

    def rows(self, key: str) -> FileRows | None:
        """Return images `(N, H, W, C)` of bytes that are read when needed.

        None is returned if they have to be expanded, or are no bytes in C order.
        """
        header = self.headers[key]
        member = self._members[key]
        plain = member.compress_type == zipfile.ZIP_STORED and not member.flag_bits & 1
        if not (plain and header.in_rows and header.dtype == np.uint8):
            return None
        with self.path.open("rb") as file:
            file.seek(member.header_offset + LENGTHS)
            name, extra = (int.from_bytes(file.read(2), "little") for _ in range(2))
        start = member.header_offset + LENGTHS + 4 + name + extra + header.length
        shape = header.shape if len(header.shape) == 4 else (*header.shape, 1)
        return FileRows(self.path, shape, header.dtype, start)

    def pieces(self, key: str) -> Iterator[Array]:
        """Yield an array's rows, some at a time.

        Raises:
            DataError: its bytes are damaged.
        """
        header = self.headers[key]
        if not header.in_rows:
            yield self.read(key)
            return
        one = math.prod(header.shape[1:]) * header.dtype.itemsize
        step = max(1, PIECE_BYTES // max(1, one))
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(self._members[key]) as stream:
                stream.read(header.length)
                for start in range(0, header.shape[0], step):
                    count = min(step, header.shape[0] - start)
                    content = stream.read(count * one)
                    yield np.frombuffer(content, header.dtype).reshape(count, *header.shape[1:])
                stream.read(1)  # what is damaged is noticed at the end
        except Exception as error:  # as above
            why = shortened(str(error))
            raise DataError(f"{self.path}: {key} cannot be read ({why})") from error

    def _header(self, archive: zipfile.ZipFile, member: zipfile.ZipInfo, key: str) -> Header:
        where = f"{self.path}: {key} (at byte {member.header_offset:,})"
        with archive.open(member) as stream:
            start = io.BytesIO(stream.read(MAXIMUM_HEADER))  # so that no header takes more memory
        try:
            version = npy.read_magic(start)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            with _without_warnings():
                shape, fortran, dtype = read(start)
        except Exception as error:  # NumPy evaluates the header as a Python literal
            why = shortened(str(error))
            raise DataError(f"{where} is not a NumPy array ({why})") from error
        if dtype.hasobject:
            raise DataError(f"{where} holds pickled objects, which are never loaded")
        size = math.prod(shape) * dtype.itemsize
        held = member.file_size - start.tell()
        if min(shape, default=0) < 0 or size != held:
            raise DataError(
                f"{where} declares shape {shape} of {dtype}, which takes {size:,} bytes, but holds "
                f"{held:,}"
            )
        if size > MOST_BYTES:
            raise DataError(f"{where} takes {size:,} bytes; the limit is 1 TiB")
        if size > BOMB_BYTES and size > BOMB_RATIO * member.compress_size:
            raise DataError(
                f"{where} expands from {member.compress_size:,} to {size:,} bytes, more than "
                f"{BOMB_RATIO} times: a decompression bomb"
            )
        return Header(shape, dtype, start.tell(), not fortran and len(shape) > 0)

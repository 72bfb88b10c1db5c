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

from cnnrun.data.dataset import MAXIMUM_BYTES
from cnnrun.engine.types import Array, DType
from cnnrun.errors import DataError, excerpt, shortened

__all__ = ["Header", "NpzFile"]

MAXIMUM_KEY = 100  # characters
MAXIMUM_HEADER = 1 << 14  # bytes; NumPy writes a hundred or so
BOMB_BYTES, BOMB_RATIO = 64 << 20, 200  # images compress 20 times at best, zeros 1,000 times


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep quiet about a header's outdated or odd spelling; what counts is what comes of it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Header:
    """What an array's header says."""

    shape: tuple[int, ...]
    dtype: DType


class NpzFile:
    """The arrays of a file, by name, once all their headers have been checked.

    Raises:
        DataError: the file is missing, damaged or hostile: it holds pickled objects, declares other
            sizes than it has, or expands to more than 8 GiB or far beyond what images do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.headers: dict[str, Header] = {}
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
            DataError: its bytes are damaged.
        """
        try:
            with self.path.open("rb") as stream, _without_warnings():
                array: Array = np.load(stream, allow_pickle=False)[key]
                return array
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
                shape, _, dtype = read(start)
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
        if size > MAXIMUM_BYTES:
            raise DataError(f"{where} takes {size:,} bytes; the limit is 8 GiB")
        if size > BOMB_BYTES and size > BOMB_RATIO * member.compress_size:
            raise DataError(
                f"{where} expands from {member.compress_size:,} to {size:,} bytes, more than "
                f"{BOMB_RATIO} times: a decompression bomb"
            )
        return Header(shape, dtype)

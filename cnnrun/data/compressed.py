"""Opens files that may be compressed (.gz), known by their content, whatever they are called."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from cnnrun.errors import DataError

__all__ = ["GZIP", "expands_too_far", "opened"]

GZIP = b"\x1f\x8b"
"""What a compressed file begins with."""
BOMB_BYTES, BOMB_RATIO = 64 << 20, 200  # digits compress 5 times, zeros 1,000 times


@contextmanager
def opened(path: Path) -> Iterator[tuple[BufferedIOBase, bool]]:
    """Open a file to be read, expanded if it is compressed; say whether it is.

    Raises:
        DataError: there is no such file, or reading it fails, now or later.
    """
    compressed, position = False, 0
    try:
        if path.exists() and not path.is_file():  # to open a pipe or a device could take for ever
            raise DataError(f"{path}: not a file (it is a folder, a pipe or a device)")
        with path.open("rb") as plain:
            compressed = plain.read(2) == GZIP
            plain.seek(0)
            if not compressed:
                yield plain, False
                return
            try:
                with gzip.GzipFile(fileobj=plain) as stream:
                    yield stream, True
            finally:
                position = plain.tell()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (EOFError, OSError, ValueError, zlib.error) as error:
        at = f" at byte {position:,}" if compressed else ""
        raise DataError(f"{path}: cannot be read{at} ({error})") from None


def expands_too_far(path: Path, size: int) -> bool:
    """Return whether so many bytes are more than what lies compressed in a file can mean."""
    return size > max(BOMB_BYTES, BOMB_RATIO * path.stat().st_size)

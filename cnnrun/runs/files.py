"""Writes files so that a crash, at whatever moment, leaves a whole file or none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["dump_json", "replace_file", "replacing", "sync_folder", "write_durably", "write_json"]


def dump_json(document: Any) -> str:
    """Return a document as JSON.

    Raises:
        ValueError: it holds a number that is not finite, which JSON has no word for.
    """
    return json.dumps(document, indent=2, allow_nan=False)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that its content is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def replace_file(path: Path, content: bytes) -> None:
    """Replace a file, or create it: readers see the old or the new one, never a part."""
    with replacing(path) as fresh:
        write_durably(fresh, content)
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a file to write, which takes the place of `path` if the body succeeds.

    Raises:
        OSError: it cannot be written; the error names `path`, and what stood there still stands.
    """
    fresh = path.with_name(f".{path.name}.new")
    try:
        yield fresh
        os.replace(fresh, path)
    except BaseException as error:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_json(path: Path, document: Any) -> None:
    """Replace a JSON file, or create it, as `replace_file` does."""
    replace_file(path, f"{dump_json(document)}\n".encode())


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that files created or renamed in it survive a crash.

    Windows cannot open a folder, and keeps renames in its journal by itself.
    """
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Writes files so that a crash, at whatever moment, leaves a whole file or none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["dump_json", "replace_file", "sync_folder", "write_durably", "write_json"]


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
    fresh = path.with_name(f".{path.name}.new")
    write_durably(fresh, content)
    os.replace(fresh, path)
    sync_folder(path.parent)


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

"""Reads arrays of numbers by name from a YAML, JSON or npz file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnrun.config.source import read_source
from cnnrun.data.npz_file import NpzFile
from cnnrun.errors import ConfigError, DataError

__all__ = ["read_arrays"]


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file by name: nested lists, or NumPy's arrays of an npz file.

    Raises:
        ConfigError: the file is missing, or holds something else.
    """
    if path.suffix == ".npz":
        try:
            file = NpzFile(path)
            return {name: file.read(name) for name in file.headers}
        except DataError as error:
            raise ConfigError(str(error)) from None
    tree = read_source(path).tree  # JSON is YAML
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: values are a mapping of names to nested lists")
    return dict(tree)

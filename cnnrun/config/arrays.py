"""Reads arrays of numbers by name from a YAML, JSON or npz file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.config.source import read_source
from cnnrun.errors import ConfigError

__all__ = ["read_arrays"]


def read_arrays(path: Path) -> dict[str, Any]:
    """Return the arrays of a file by name: nested lists, or NumPy's arrays of an npz file.

    Raises:
        ConfigError: the file is missing, or holds something else.
    """
    if path.suffix == ".npz":
        try:
            with np.load(path, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: cannot be read as .npz ({error})") from None
    tree = read_source(path).tree  # JSON is YAML
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: values are a mapping of names to nested lists")
    return dict(tree)

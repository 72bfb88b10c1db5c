"""Plug-ins: a user's own layers, losses, optimizers, transforms and data sets."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterable
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from cnnrun.config.hints import options_of
from cnnrun.errors import PluginError

__all__ = ["load_plugin", "load_plugins"]


def load_plugins(paths: Iterable[Path | str] = ()) -> None:
    """Import the plug-ins of installed packages, then Python files.

    Raises:
        PluginError: one of them is missing, or fails.
    """
    _load_installed()
    for path in paths:
        load_plugin(Path(path))


def load_plugin(path: Path) -> None:
    """Import a Python file, which registers what it defines.

    Raises:
        PluginError: the file is missing, or fails; the message says in which line.
    """
    path = path.absolute()
    name = f"cnnrun_plugin_{path.stem}_{abs(hash(path)):x}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path) if path.suffix == ".py" else None
    if not path.is_file() or spec is None or spec.loader is None:
        raise PluginError(f"{path}: no such Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise PluginError(f"{_place(error, path)}: {type(error).__name__}: {error}") from error
    options_of.cache_clear()


@cache
def _load_installed() -> None:
    """Import what installed packages offer under the entry point `cnnrun.plugins`.

    Raises:
        PluginError: one of them fails.
    """
    for point in entry_points(group="cnnrun.plugins"):
        try:
            point.load()
        except Exception as error:
            raise PluginError(
                f"plug-in {point.name} ({point.value}): {type(error).__name__}: {error}"
            ) from error


def _place(error: Exception, path: Path) -> str:
    """Return the file and line of the plug-in where an error came from."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)

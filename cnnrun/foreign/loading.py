"""Reads a user's Python file, and finds in it what a check is about."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from cnnrun.errors import ConfigError
from cnnrun.foreign.function import FaultError, guarded

__all__ = ["attribute", "load_file", "split_place"]


def split_place(place: str) -> tuple[Path, list[str]]:
    """Return the file and the names of `FILE:NAME,NAME`; a Windows drive is no name.

    Raises:
        ConfigError: there is no such file.
    """
    text, names = place, ""
    if not Path(place).is_file():
        text, _, names = place.rpartition(":")
    path = Path(text or names)
    if not path.is_file():
        raise ConfigError(f"{place}: there is no file {path}; write FILE.py:NAME")
    return path, [name.strip() for name in names.split(",") if name.strip()] if text else []


def load_file(path: Path) -> ModuleType:
    """Return a Python file as a module; what it prints is held back.

    Its folder is on the path while it is read, so that it can import its neighbours.

    Raises:
        ConfigError: it cannot be read, or does not run.
    """
    if path.suffix != ".py":
        raise ConfigError(f"{path} is no Python file: its name has to end in .py")
    spec = importlib.util.spec_from_file_location(f"cnnrun_foreign_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))
    sys.modules[spec.name] = module
    try:
        with guarded(f"reading {path.name}"):
            spec.loader.exec_module(module)
    except FaultError as fault:
        raise ConfigError(str(fault)) from None
    finally:
        sys.path.pop(0)
    return module


def attribute(module: ModuleType, name: str, path: Path) -> Any:
    """Return what a file calls `name`; dots go inside, as in `Conv.apply`.

    Raises:
        ConfigError: there is no such name; the message lists those that could be meant.
    """
    thing: Any = module
    for word in name.split("."):
        if not hasattr(thing, word):
            own = [
                other
                for other, value in vars(module).items()
                if callable(value) and getattr(value, "__module__", None) == module.__name__
            ]
            listed = f"; it has {', '.join(own[:12])}" if own else "; it has no functions"
            raise ConfigError(f"{path.name} has nothing called {name}{listed}")
        thing = getattr(thing, word)
    return thing

"""Plug-ins: a user's own layers, losses, optimizers, transforms and data sets."""

from __future__ import annotations

import hashlib
import re
import sys
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from cnnrun.config.hints import options_of
from cnnrun.config.plugin_faults import PLUGIN_FILES, check_registered, list_registered
from cnnrun.errors import ConfigError, PluginError

__all__ = [
    "OWN_PLUGINS",
    "Plugin",
    "is_python_file",
    "load_plugin",
    "load_plugins",
    "loaded_plugins",
]

OWN_PLUGINS = "run"
"""What stands for the plug-ins of a run where plug-ins are named."""


@dataclass(frozen=True)
class Plugin:
    """A Python file that was imported: its name, and its content at that moment."""

    name: str
    source: bytes

    @cached_property
    def sha256(self) -> str:
        """The digest of its content."""
        return hashlib.sha256(self.source).hexdigest()


_loaded: dict[str, Plugin] = {}
"""By digest, the files that this process has imported, in their order."""


def loaded_plugins() -> tuple[Plugin, ...]:
    """Return the files that this process has imported, in their order."""
    return tuple(_loaded.values())


def is_python_file(path: Path) -> bool:
    """Return whether there is such a Python file."""
    try:
        return path.suffix == ".py" and path.is_file()
    except OSError:  # such as a name that is too long
        return False


def load_plugins(paths: Iterable[Path | str] = ()) -> None:
    """Import the plug-ins of installed packages, then Python files.

    Raises:
        PluginError: one of them is missing, or fails.
    """
    _load_installed()
    for path in paths:
        load_plugin(Path(path))


def load_plugin(path: Path, name: str | None = None) -> None:
    """Import a Python file, which registers what it defines; a second time does nothing.

    What is run is what is noted in `loaded_plugins`: neither is read again from the disk, and no
    compiled copy is used or written.

    Args:
        path: the file.
        name: what it is noted as, if that is not the name of the file.

    Raises:
        PluginError: the file is missing, or fails; the message says in which line.
    """
    if str(path) == OWN_PLUGINS:
        raise PluginError(
            f"--plugin {OWN_PLUGINS}: means the plug-ins that a run was trained with, and goes "
            "with the name of a run; with a configuration, name the Python file"
        )
    path = path.absolute()
    if not is_python_file(path):
        raise PluginError(f"{path}: no such Python file")
    try:
        plugin = Plugin(name or _portable(path.name), path.read_bytes())
    except OSError as error:
        raise PluginError(f"{path}: cannot be read ({error.strerror})") from None
    if plugin.sha256 in _loaded:
        return
    module = ModuleType(f"cnnrun_plugin_{path.stem}_{plugin.sha256[:12]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    PLUGIN_FILES.add(str(path))
    before = list_registered()
    try:
        code = compile(plugin.source, str(path), "exec", dont_inherit=True)
        exec(code, module.__dict__)
    except Exception as error:
        del sys.modules[module.__name__]
        raise PluginError(f"{_place(error, path)}: {type(error).__name__}: {error}") from error
    options_of.cache_clear()
    try:
        check_registered(before)
    except ConfigError as error:
        raise PluginError(f"{path}: {error}") from None
    _loaded[plugin.sha256] = plugin


@cache
def _load_installed() -> None:
    """Import what installed packages offer under the entry point `cnnrun.plugins`.

    Raises:
        PluginError: one of them fails.
    """
    for point in entry_points(group="cnnrun.plugins"):
        try:
            point.load()
            _note_files(sys.modules[point.module])
        except Exception as error:
            raise PluginError(
                f"plug-in {point.name} ({point.value}): {type(error).__name__}: {error}"
            ) from error


def _note_files(module: ModuleType) -> None:
    """Note the files of an installed plug-in, of its whole package if it is in one."""
    top = module.__name__.partition(".")[0]
    for name, each in sys.modules.copy().items():
        if name.partition(".")[0] == top and getattr(each, "__file__", None):
            PLUGIN_FILES.add(str(each.__file__))


def _portable(name: str) -> str:
    """Return a file's name without what another system does not take in one."""
    return re.sub(r"[\\/:\x00-\x1f]", "_", name.encode("utf-8", "replace").decode())


def _place(error: Exception, path: Path) -> str:
    """Return the file and line of the plug-in where an error came from."""
    if isinstance(error, SyntaxError):
        return f"{path}:{error.lineno}"
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f"{path}:{lines[-1]}" if lines else str(path)

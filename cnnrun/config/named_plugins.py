"""The `plugins:` of a configuration: Python files that are imported before the rest is read."""

from __future__ import annotations

from pathlib import Path

from cnnrun.config.hints import parse_leaf
from cnnrun.config.plugins import is_python_file, load_plugin
from cnnrun.config.source import Source
from cnnrun.errors import ConfigError, PluginError

__all__ = ["load_named_plugins", "resolve_plugin"]

KEY = "plugins"
RECORD = "run.json"
"""What lies in the folder of every run."""


def load_named_plugins(source: Source, file: Path, *, allowed: bool) -> None:
    """Import the plug-ins that a configuration names, relative to it.

    Args:
        source: what the configuration says.
        file: where it is.
        allowed: refuses to import any if it is False. So does a configuration in a run's folder,
            which may come from anybody.

    Raises:
        ConfigError: they are not a list of files, or it may not name any.
        PluginError: some are missing, or one fails; the message has the place of each.
    """
    if KEY not in source.tree:
        return
    if not allowed or _is_of_run(file):
        raise ConfigError(
            f"{source.where((KEY,), key=True)}: {KEY}: a run's configuration names none, since its "
            "folder may come from anybody; --plugin run imports the run's own copies, --plugin "
            "FILE any other"
        )
    try:
        names = parse_leaf(tuple[str, ...], source.tree[KEY])
    except ValueError as error:
        raise ConfigError(f"{source.where((KEY,))}: {KEY}: {error}") from None
    paths = [resolve_plugin(name, file.parent) for name in names]
    places = [f"{source.where((KEY, index))}: {KEY}[{index}]" for index in range(len(names))]
    missing = [
        f"{place}: {path}: no such Python file"
        for place, path in zip(places, paths, strict=True)
        if not is_python_file(path)
    ]
    if missing:
        raise PluginError("\n".join(missing))
    for place, path in zip(places, paths, strict=True):
        try:
            load_plugin(path)
        except PluginError as error:
            raise PluginError(f"{place}: {error}") from error


def resolve_plugin(name: str, base: Path) -> Path:
    """Return where a plug-in of a configuration in `base` is, `~` being the home directory."""
    try:
        return base / Path(name).expanduser()
    except RuntimeError:  # nobody's home: there is no such file
        return base / name


def _is_of_run(file: Path) -> bool:
    """Return whether a file is a run's `config.yaml`, or an earlier one in its `configs/`."""
    return any((folder / RECORD).exists() for folder in file.absolute().parents[:2])

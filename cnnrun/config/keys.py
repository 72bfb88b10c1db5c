"""The full keys of a configuration, such as `optimizer.sgd.learning_rate`: which one is meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

from cnnrun.config.experiment import Experiment
from cnnrun.config.hints import NAMED, options_of, registered, section_of
from cnnrun.config.source import KeyPath, format_path, read_source
from cnnrun.errors import ConfigError
from cnnrun.registry import Registry, nearest_names

__all__ = [
    "alternatives",
    "full_keys",
    "is_known",
    "keys_meant_in",
    "keys_of",
    "meant_keys",
    "read_config_tree",
]

OTHER_WORDS = {
    "lr": "learning_rate",
    "batch": "batch_size",
    "bs": "batch_size",
    "wd": "weight_decay",
}
"""What people call an option elsewhere."""

MOST_MEANT = 3


def alternatives(path: KeyPath) -> Registry[Any] | None:
    """Return the registry that the one name at `path` is from; None if no such name stands there.

    Layers and other items of a list do not count.
    """
    hint: Any = Experiment
    for part in path:
        if part not in getattr(hint, "__dataclass_fields__", {}):
            return None
        hint = options_of(hint)[str(part)][0]
    return NAMED.get(hint)


def is_known(path: KeyPath) -> bool:
    """Return whether the language has such a key, in whichever configuration."""
    hint: Any = Experiment
    for part in path:
        registry = NAMED.get(_kind(hint))
        if registry is not None:
            if part not in registry:
                return False
            hint = registered(registry, str(part))
        elif section := section_of(hint):
            if part not in options_of(section):
                return False
            hint = options_of(section)[str(part)][0]
        elif isinstance(part, int):
            hint = get_args(hint)[0] if get_args(hint) else None
        else:
            return False
    return True


def full_keys(tree: Any) -> list[str]:
    """Return every key that an override of this configuration may set, in the files' order."""
    return [format_path(path) for path in _walk(Experiment, tree, ()) if path[0] != "plugins"]


def meant_keys(key: str, tree: Any) -> list[str]:
    """Return the full keys that somebody who wrote `key` may have meant, a few at most."""
    section, _, word = key.rpartition(".")
    word = word.replace("-", "_")
    word = OTHER_WORDS.get(word, word)
    by_word: dict[str, list[str]] = {}
    for full in full_keys(tree):
        by_word.setdefault(full.rpartition(".")[2], []).append(full)
    near = [word] if word in by_word else nearest_names(word, by_word)[:1]
    meant = [full for each in near for full in by_word[each]]
    beside = [full for full in meant if section and full.rpartition(".")[0] == section]
    return (beside or meant)[:MOST_MEANT]


def read_config_tree(file: Path) -> dict[str, Any]:
    """Return what a configuration file says, unchecked.

    Raises:
        ConfigError: it cannot be read, or is no mapping.
    """
    source = read_source(file)
    if not isinstance(source.tree, dict):
        raise ConfigError(f"{source.where(())}: a configuration is a mapping of sections")
    return source.tree


def keys_of(file: Path) -> list[str]:
    """Return every key that an override of a configuration file may set; none if it is broken."""
    try:
        return full_keys(read_source(file).tree)
    except ConfigError:
        return []


def keys_meant_in(file: Path, option: str) -> list[str]:
    """Return the full keys that somebody may have meant who wrote `--lr` for a file's setting."""
    try:
        return meant_keys(option.lstrip("-"), read_source(file).tree)
    except ConfigError:
        return []


def _kind(hint: Any) -> Any:
    """Return which of the named parts an option is, an optional one too."""
    if get_origin(hint) is tuple:  # a list of them is not one
        return hint
    return next((kind for kind in (hint, *get_args(hint)) if kind in NAMED), hint)


def _walk(hint: Any, value: Any, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the keys at and below `path`, where `value` is what the configuration has now."""
    registry = NAMED.get(_kind(hint))
    if path:
        yield path
    if registry is not None:
        name = next(iter(value), None) if isinstance(value, dict) and len(value) == 1 else value
        if isinstance(name, str) and name in registry:
            inner = value[name] if isinstance(value, dict) else None
            yield from _options(registered(registry, name), inner, (*path, name))
    elif section := section_of(hint):
        yield from _options(section, value, path)
    elif get_origin(hint) is tuple and get_args(hint)[0] in NAMED and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(get_args(hint)[0], item, (*path, index))


def _options(cls: Any, value: Any, path: KeyPath) -> Iterator[KeyPath]:
    given = value if isinstance(value, dict) else {}
    for name, (hint, _) in options_of(cls).items():
        yield from _walk(hint, given.get(name), (*path, name))

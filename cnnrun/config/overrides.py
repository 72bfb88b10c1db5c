"""Overrides on the command line: `optimizer.sgd.learning_rate=0.01`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnrun.config.keys import alternatives, is_known, meant_keys
from cnnrun.config.reading import MOST_PROBLEMS
from cnnrun.config.source import (
    MAXIMUM_DEPTH,
    MAXIMUM_KEY,
    KeyPath,
    Source,
    format_path,
    parse_source,
)
from cnnrun.errors import ConfigError, excerpt, shortened
from cnnrun.registry import nearest_names, suggestion

__all__ = ["apply_overrides"]

MAXIMUM_CHARACTERS = 1 << 16
LONGEST_OVERRIDE_SHOWN = 100
OVERRIDE = "override "
"""What the place of a value that an override sets opens with."""

PATH = re.compile(r"[A-Za-z_][\w-]*(\[[0-9]+\])*(\.[A-Za-z_][\w-]*(\[[0-9]+\])*)*")


def apply_overrides(source: Source, overrides: Sequence[str]) -> list[str]:
    """Change `source` as `overrides` say, and return what is wrong with them, each in a line.

    Messages about what they set quote the override.

    Options of another optimizer, loss, schedule or data set put it in the place of the file's. A
    data set's path is relative to the folder where one stands, not to the file.

    Raises:
        ConfigError: they are very long together, or so many are wrong that no more are read.
    """
    characters = sum(map(len, overrides))
    if characters > MAXIMUM_CHARACTERS:
        raise ConfigError(
            f"the overrides have {characters:,} characters; the limit is {MAXIMUM_CHARACTERS:,}"
        )
    problems = []
    for override in overrides:
        try:
            _apply(source, override)
        except ConfigError as error:
            problems.append(shortened(f"{_place(override)}: {error}"))
        if len(problems) == MOST_PROBLEMS:
            raise ConfigError("\n".join(problems))
    return problems


def _place(override: str) -> str:
    """Return what messages call the place of a value that an override sets."""
    return f"{OVERRIDE}{excerpt(override, LONGEST_OVERRIDE_SHOWN)}"


def _apply(source: Source, override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not PATH.fullmatch(name):
        raise ConfigError(
            "write it as KEY=VALUE, such as train.epochs=5 or network[0].conv2d.filters=8"
        )
    try:
        value = parse_source(text, "value").tree if text.strip() else None
    except ConfigError as error:
        raise ConfigError(str(error).partition(": ")[2].partition("\n")[0]) from None
    words = re.findall(r"\[\d+\]|[\w-]+", name)
    if len(words) > MAXIMUM_DEPTH or max(map(len, words)) > MAXIMUM_KEY:
        raise ConfigError(
            f"its path has {len(words)} parts of up to {max(map(len, words)):,} characters; the "
            f"limits are {MAXIMUM_DEPTH} and {MAXIMUM_KEY}"
        )
    if words[0] == "plugins":
        raise ConfigError("stands in the file alone; here, a plug-in is given with --plugin FILE")
    path: list[str | int] = [int(word[1:-1]) if word[0] == "[" else word for word in words]
    _refuse_unknown(name, tuple(path), text, source.tree)
    _switch(source, tuple(path))
    _set(source.tree, path, value, ())
    _stand_here(source.tree, tuple(path))
    _forget(source, tuple(path))
    for table in (source.values, source.keys):
        for length in range(1, len(path) + 1):  # sections that the override creates are its own
            table.setdefault(tuple(path[:length]), _place(override))


def _refuse_unknown(name: str, path: KeyPath, text: str, tree: Any) -> None:
    """Raise ConfigError if the language has no such key, but one that may be meant."""
    if is_known(path):
        return
    meant = meant_keys(name, tree)
    for length in range(1, len(path)):
        registry = alternatives(path[:length])
        if registry is not None and path[length] not in registry:
            near = nearest_names(str(path[length]), registry)
            others = [format_path((*path[:length], n, *path[length + 1 :])) for n in near]
            meant = others if len(path) > length + 1 and others else meant
    if meant:
        known = " or ".join(f"{key}={shortened(text, LONGEST_OVERRIDE_SHOWN)}" for key in meant)
        raise ConfigError(f"unknown key; did you mean {known}?")


def _switch(source: Source, path: KeyPath) -> None:
    """Put the optimizer (loss, schedule, data set) that the path names in place of another one."""
    for length in range(1, len(path)):
        place, name = path[:length], path[length]
        registry = alternatives(place)
        if registry is None or name not in registry:
            continue
        section, key = source.tree, place[-1]
        for part in place[:-1]:
            section = section.get(part) if isinstance(section, dict) else None
        old = section.get(key) if isinstance(section, dict) else None
        old_name = next(iter(old), None) if isinstance(old, dict) and len(old) == 1 else old
        if not isinstance(old_name, str) or old_name == name:
            return
        if source.values.get(place, "").startswith(OVERRIDE):
            raise ConfigError(f"{format_path(place)} is {old_name} by another override")
        section[key] = {name: {}}
        _forget(source, place)
        return


def _forget(source: Source, path: KeyPath) -> None:
    """Forget the places of a value that is replaced, and of what it holds."""
    for table in (source.values, source.keys):
        for old in [old for old in table if old[: len(path)] == path]:
            del table[old]


def _stand_here(tree: Any, path: KeyPath) -> None:
    """Make a data set's path that was set absolute: an override's is relative to where one is."""
    data = tree.get("data")
    dataset = data.get("dataset") if isinstance(data, dict) else None
    for name, options in dataset.items() if isinstance(dataset, dict) else ():
        if ("data", "dataset", name, "path")[: len(path)] == path and isinstance(options, dict):
            given = options.get("path")
            if isinstance(given, str) and given and not given.startswith("~"):
                options["path"] = str(Path(given).absolute())


def _set(node: Any, rest: list[str | int], value: Any, done: KeyPath) -> None:
    """Set the value that `rest` leads to from `node`."""
    key, *after = rest
    if isinstance(key, int):
        if not isinstance(node, list):
            raise ConfigError(f"{format_path(done)} is not a list")
        if key >= len(node):
            raise ConfigError(
                f"{format_path(done)} has {len(node)} items, [0] to [{len(node) - 1}]"
            )
    elif not isinstance(node, dict):
        raise ConfigError(f"{format_path(done) or 'the file'} has no options to set")
    if not after:
        node[key] = value
        return
    child = node[key] if isinstance(key, int) else node.get(key)
    if child is None:
        child = {}
    following = after[0]
    if isinstance(child, str) and isinstance(following, str):
        if child != following:
            known = suggestion(following, [child])
            raise ConfigError(f"{format_path((*done, key))} is {child}, not {following}; {known}")
        child = {child: {}}  # a bare name gets options
    elif (
        isinstance(child, dict)
        and len(child) == 1
        and len(after) > 1
        and isinstance(following, str)
        and following not in child
    ):
        (only,) = child
        hint = suggestion(following, [only])
        raise ConfigError(f"{format_path((*done, key))} holds {only}, not {following}; {hint}")
    node[key] = child
    _set(child, after, value, (*done, key))

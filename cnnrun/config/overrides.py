"""Overrides on the command line: `optimizer.sgd.learning_rate=0.01`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

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
from cnnrun.registry import suggestion

__all__ = ["apply_overrides"]

MAXIMUM_CHARACTERS = 1 << 16
LONGEST_OVERRIDE_SHOWN = 100

PATH = re.compile(r"[A-Za-z_][\w-]*(\[[0-9]+\])*(\.[A-Za-z_][\w-]*(\[[0-9]+\])*)*")


def apply_overrides(source: Source, overrides: Sequence[str]) -> None:
    """Change `source` as `overrides` say; messages about what they set quote the override.

    Raises:
        ConfigError: an override is malformed, or leads nowhere, and such are listed; or they are
            very long together.
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
            break
    if problems:
        raise ConfigError("\n".join(problems))


def _place(override: str) -> str:
    """Return what messages call the place of a value that an override sets."""
    return f"override {excerpt(override, LONGEST_OVERRIDE_SHOWN)}"


def _apply(source: Source, override: str) -> None:
    name, equals, text = override.partition("=")
    if not equals or not PATH.fullmatch(name):
        raise ConfigError(
            "write it as KEY=VALUE, such as train.epochs=5 or network[0].conv2d.filters=8"
        )
    try:
        value = parse_source(text, "value").tree if text.strip() else None
    except ConfigError as error:
        raise ConfigError(str(error).partition(": ")[2]) from None
    words = re.findall(r"\[\d+\]|[\w-]+", name)
    if len(words) > MAXIMUM_DEPTH or max(map(len, words)) > MAXIMUM_KEY:
        raise ConfigError(
            f"its path has {len(words)} parts of up to {max(map(len, words)):,} characters; the "
            f"limits are {MAXIMUM_DEPTH} and {MAXIMUM_KEY}"
        )
    path: list[str | int] = [int(word[1:-1]) if word[0] == "[" else word for word in words]
    _set(source.tree, path, value, ())
    for table in (source.values, source.keys):
        for old in [old for old in table if old[: len(path)] == tuple(path)]:
            del table[old]
        for length in range(1, len(path) + 1):  # sections that the override creates are its own
            table.setdefault(tuple(path[:length]), _place(override))


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

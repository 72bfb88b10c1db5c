"""Reads YAML as plain values, and keeps the line and column of each for error messages.

The scalars are those of YAML 1.2: `1e-3` is a number, `off` and `no` are strings, `017` is 17.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import yaml

from cnnrun.errors import ConfigError

__all__ = ["KeyPath", "Source", "format_path", "parse_scalar", "read_source"]

KeyPath = tuple[str | int, ...]

MAXIMUM_BYTES = 1 << 20
MAXIMUM_DEPTH = 40
MAXIMUM_VALUES = 20_000

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


@dataclass
class Source:
    """A parsed configuration.

    Attributes:
        file: its name, as the user gave it.
        tree: mappings, lists and scalars.
        values, keys: where each value, and the key that names it, stands: `file:line:column`.
    """

    file: str
    tree: Any
    values: dict[KeyPath, str] = field(default_factory=dict)
    keys: dict[KeyPath, str] = field(default_factory=dict)

    def where(self, path: KeyPath, *, key: bool = False) -> str:
        """Return the place of a value, or of its key; of the nearest parent if it has none."""
        if key and path in self.keys:
            return self.keys[path]
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, self.file)


def format_path(path: KeyPath) -> str:
    """Return a path as people write it: `network[3].conv2d.kernel_size`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def parse_scalar(text: str) -> Any:
    """Return the value of an unquoted scalar.

    Raises:
        ValueError: it is infinite, not a number, or has too many digits.
    """
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if FLOAT.fullmatch(text):
        number = float(text)
        if not isfinite(number):
            raise ValueError("the number is too large")
        return number
    if NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not allowed; numbers are finite")
    return text


def read_source(path: Path) -> Source:
    """Return what a file says.

    Raises:
        ConfigError: it cannot be read, or is not YAML within the bounds.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAXIMUM_BYTES:
        raise ConfigError(f"{path}: {len(content):,} bytes; the limit is {MAXIMUM_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from None
    return parse_source(text, str(path))


def parse_source(text: str, file: str) -> Source:
    """Return what a text says; `file` is what messages call it.

    Raises:
        ConfigError: the text is not YAML within the bounds.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else file
        raise ConfigError(f"{place}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: {error}") from None
    except RecursionError:
        raise ConfigError(f"{file}: nested deeper than {MAXIMUM_DEPTH} levels") from None
    if root is None:
        raise ConfigError(f"{file}: the file is empty")
    source = Source(file, None)
    source.tree = _Builder(source).build(root, ())
    return source


class _Loader(yaml.SafeLoader):
    """Leaves every scalar a string; `parse_scalar` says what it means."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]


class _Builder:
    """Turns nodes into values and notes their places."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.count = 0

    def build(self, node: yaml.Node, path: KeyPath) -> Any:
        place = self.place(node)
        self.source.values[path] = place
        self.count += 1
        if len(path) > MAXIMUM_DEPTH:
            raise ConfigError(f"{place}: nested deeper than {MAXIMUM_DEPTH} levels")
        if self.count > MAXIMUM_VALUES:
            raise ConfigError(f"{place}: more than {MAXIMUM_VALUES:,} values, aliases included")
        if node.tag.removeprefix("tag:yaml.org,2002:") not in ("str", "seq", "map"):
            raise ConfigError(f"{place}: the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node)  # type: ignore[arg-type]

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        for key_node, value in node.value:
            place = self.place(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{place}: a key must be a word")
            key = key_node.value
            if key == "<<" and key_node.style is None:
                raise ConfigError(f"{place}: merge keys (<<) are not allowed")
            if key in entries:
                first = self.source.keys[(*path, key)].removeprefix(f"{self.source.file}:")
                raise ConfigError(f"{place}: {key} is given twice, first at {first}")
            self.source.keys[(*path, key)] = place
            entries[key] = self.build(value, (*path, key))
        return entries

    def scalar(self, node: yaml.ScalarNode) -> Any:
        if node.style is not None:  # quoted, or a block of text
            return node.value
        try:
            return parse_scalar(node.value)
        except ValueError as error:
            raise ConfigError(f"{self.place(node)}: {error}") from None

    def place(self, node: yaml.Node) -> str:
        mark = node.start_mark
        return f"{self.source.file}:{mark.line + 1}:{mark.column + 1}"

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

from cnnrun.config.syntax import explain_syntax
from cnnrun.errors import ConfigError, excerpt, shortened

__all__ = ["KeyPath", "Source", "format_path", "parse_scalar", "read_source"]

KeyPath = tuple[str | int, ...]

# So that whatever is given is read, or refused, in well under half a second.
MAXIMUM_BYTES = 1 << 16
MAXIMUM_DEPTH = 40
MAXIMUM_VALUES = 10_000
MAXIMUM_KEY = 100  # characters
MAXIMUM_INTEGER = 2**63 - 1

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
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
        ValueError: it is infinite, not a number, or a whole number of more than 64 bits.
    """
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        # Python refuses to read thousands of decimal digits, and to write so large a number.
        whole = int(text, base) if len(text.lstrip("-+0")) <= 30 else MAXIMUM_INTEGER + 1
        if abs(whole) > MAXIMUM_INTEGER:
            raise ValueError("the number is too large")
        return whole
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
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)  # a device has no end
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAXIMUM_BYTES:
        raise ConfigError(f"{path}: more than {MAXIMUM_BYTES:,} bytes, which is the limit")
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
    if len(text) > MAXIMUM_BYTES:
        raise ConfigError(f"{file}: {len(text):,} characters; the limit is {MAXIMUM_BYTES:,}")
    if odd := UNPRINTABLE.search(text.replace("\r\n", " \n").replace("\r", "\n")):
        before = text[: odd.start()]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise ConfigError(f"{file}:{line}:{column}: {odd[0]!r} must not stand in a text file")
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(explain_syntax(error, text, file)) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}: {shortened(str(error))}") from None
    except (ValueError, OverflowError):  # of an escape such as \UFFFFFFFF
        mark = loader.get_mark()
        place = f"{file}:{mark.line + 1}:{mark.column + 1}"
        raise ConfigError(f"{place}: no character has such a number") from None
    finally:
        loader.dispose()
    if root is None:
        raise ConfigError(f"{file}: the file is empty")
    source = Source(file, None)
    source.tree = _Builder(source).build(root, ())
    return source


class _Loader(yaml.SafeLoader):
    """Leaves every scalar a string; `parse_scalar` says what it means.

    It stops at what is nested too deep or has too many values, before all of it is read.
    """

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.count = 0

    def fetch_flow_collection_start(self, token_class: Any) -> None:
        """Note an opening bracket."""
        self._check_depth()
        super().fetch_flow_collection_start(token_class)

    def add_indent(self, column: int) -> bool:
        """Note that a block is indented further than the one around it."""
        self._check_depth()
        return bool(super().add_indent(column))

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Count the nodes."""
        self.count += 1
        if self.count > MAXIMUM_VALUES:
            self._refuse(f"more than {MAXIMUM_VALUES:,} values")
        return super().compose_node(parent, index)

    def _check_depth(self) -> None:
        if self.flow_level + len(self.indents) > MAXIMUM_DEPTH:
            self._refuse(f"nested deeper than {MAXIMUM_DEPTH} levels")

    def _refuse(self, problem: str) -> None:
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=self.get_mark())


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
            raise ConfigError(f"{place}: the tag {excerpt(node.tag)} is not allowed")
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
            key = self.text(key_node)
            if len(key) > MAXIMUM_KEY:
                raise ConfigError(
                    f"{place}: a key of {len(key):,} characters; the limit is {MAXIMUM_KEY}"
                )
            if key == "<<" and key_node.style is None:
                raise ConfigError(f"{place}: merge keys (<<) are not allowed")
            if ":" in key and key_node.style is None:
                raise ConfigError(f"{place}: {key}: a colon needs a space behind it")
            if key in entries:
                first = self.source.keys[(*path, key)].removeprefix(f"{self.source.file}:")
                raise ConfigError(f"{place}: {key} is given twice, first at {first}")
            self.source.keys[(*path, key)] = place
            entries[key] = self.build(value, (*path, key))
        return entries

    def scalar(self, node: yaml.ScalarNode) -> Any:
        text = self.text(node)
        if node.style is not None:  # quoted, or a block of text
            return text
        try:
            return parse_scalar(text)
        except ValueError as error:
            raise ConfigError(f"{self.place(node)}: {error}") from None

    def text(self, node: yaml.ScalarNode) -> str:
        """Return what a node says; no name, path or number needs what cannot be printed."""
        text: str = node.value
        if odd := UNPRINTABLE.search(text):
            raise ConfigError(f"{self.place(node)}: {odd[0]!r} is not allowed in a text")
        return text

    def place(self, node: yaml.Node) -> str:
        mark = node.start_mark
        return f"{self.source.file}:{mark.line + 1}:{mark.column + 1}"

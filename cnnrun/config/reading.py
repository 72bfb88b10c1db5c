"""Turns plain values into objects; reading goes on after a mistake, so that all are reported."""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any, Union, get_args, get_origin

from cnnrun.config.hints import (
    NAMED,
    describe,
    is_required,
    options_of,
    parse_leaf,
    registered,
    section_of,
)
from cnnrun.config.keys import meant_keys
from cnnrun.config.plugin_faults import describe_fault
from cnnrun.config.source import KeyPath, Source, format_path
from cnnrun.errors import ConfigError, OptionError, excerpt, shortened
from cnnrun.registry import Registry, nearest_names, suggestion

__all__ = ["Reader"]


MOST_PROBLEMS = 10
"""More are not read by anybody."""


class _InvalidError(Exception):
    """A value could not be read; why has been noted."""


class Reader:
    """Reads objects out of a source; `problems` lists what was wrong, in order of discovery."""

    def __init__(self, source: Source, problems: Sequence[str] = ()) -> None:
        """Prepare to read a source of which `problems` are known already."""
        self.source = source
        self.problems = list(problems)
        self._is_whole = False

    def read(self, cls: type[Any], value: Any, **fixed: Any) -> Any:
        """Return an object of the dataclass `cls`.

        Raises:
            ConfigError: something is wrong; the message lists every problem, one a line.
        """
        self._is_whole = True
        try:
            result = self._options(cls, value, (), fixed)
        except _InvalidError:
            result = None
        if self.problems:
            raise ConfigError("\n".join(self.problems))
        return result

    def read_part(self, kind: type[Any], value: Any) -> Any:
        """Return one named part, such as a layer's options for the kind `LayerConfig`.

        Raises:
            ConfigError: something is wrong; the message lists every problem, one a line.
        """
        try:
            return self._value(kind, value, ())
        except _InvalidError:
            raise ConfigError("\n".join(self.problems)) from None

    def read_at(self, kind: Any, value: Any, path: KeyPath) -> Any:
        """Return what stands at `path`; None if something is wrong with it, which is noted.

        Raises:
            ConfigError: so much is wrong that no more is read.
        """
        try:
            return self._value(kind, value, path)
        except _InvalidError:
            return None

    def note(self, path: KeyPath, message: str, *, key: bool = False) -> None:
        """Add a problem with the value at `path`, or with its key.

        Raises:
            ConfigError: there are too many to go on.
        """
        where, name = self.source.where(path, key=key), format_path(path)
        text = f"{where}: {name}: {message}" if name else f"{where}: {message}"
        self.problems.append(shortened(text))
        if len(self.problems) == MOST_PROBLEMS:
            self.problems.append("... these are the first; there may be more")
            raise ConfigError("\n".join(self.problems))

    def _value(self, hint: Any, value: Any, path: KeyPath) -> Any:
        if hint in NAMED:
            return self._named(NAMED[hint], value, path)
        if section := section_of(hint):
            if value is None and types.NoneType in get_args(hint):
                return None
            return self._options(section, value, path, {})
        if get_origin(hint) is tuple and get_args(hint)[0] in NAMED:
            return self._list(get_args(hint)[0], value, path)
        if get_origin(hint) in (Union, types.UnionType) and any(a in NAMED for a in get_args(hint)):
            if value is None and types.NoneType in get_args(hint):
                return None
            return self._named(NAMED[next(a for a in get_args(hint) if a in NAMED)], value, path)
        try:
            return parse_leaf(hint, value)
        except ValueError as error:
            self.note(path, str(error))
            raise _InvalidError from None

    def _list(self, hint: Any, value: Any, path: KeyPath) -> tuple[Any, ...]:
        if not isinstance(value, list):
            self.note(path, f"must be a list of {NAMED[hint].kind}s, each after a dash")
            raise _InvalidError
        items, failed = [], False
        for index, item in enumerate(value):
            try:
                items.append(self._value(hint, item, (*path, index)))
            except _InvalidError:
                failed = True
        if failed:
            raise _InvalidError
        return tuple(items)

    def _named(self, registry: Registry[Any], value: Any, path: KeyPath) -> Any:
        """Read a bare name, or a mapping with one key, the name, and its options."""
        if isinstance(value, str):
            options: Any = {}
            name, inner = value, path
        elif isinstance(value, dict) and len(value) == 1:
            ((name, options),) = value.items()
            inner = (*path, name)
            options = {} if options is None else options
        else:
            kind = registry.kind
            given = excerpt(value)
            if isinstance(value, dict):
                given = f"{len(value)} keys ({', '.join(list(value)[:10])})"
            self.note(path, f"needs the name of one {kind}, with its options under it; got {given}")
            raise _InvalidError
        if name not in registry:
            known = suggestion(name, registry.names())
            self.note(path, f"no {registry.kind} is called {excerpt(name)}; {known}")
            raise _InvalidError
        is_bare = isinstance(value, str)
        return self._options(registered(registry, name), options, inner, {}, is_bare=is_bare)

    def _note_missing(self, cls: Any, names: list[str], path: KeyPath, is_bare: bool) -> None:
        """Note which options must be given, the parts of a network each with what they may be."""
        plain = []
        for name in names:
            if choices := _choices(options_of(cls)[name][0]):
                self.note(path, f"{name} must be given: {choices}", key=not is_bare)
            else:
                plain.append(name)
        if plain:
            self.note(path, f"{', '.join(plain)} must be given", key=not is_bare)

    def _options(
        self, cls: Any, value: Any, path: KeyPath, fixed: dict[str, Any], *, is_bare: bool = False
    ) -> Any:
        if not isinstance(value, dict):
            self.note(path, f"needs options as 'name: value', got {excerpt(value)}")
            raise _InvalidError
        known = {k: v for k, v in options_of(cls).items() if k not in fixed}
        read, failed = dict(fixed), False
        meant: set[str] = set()
        for name, given in value.items():
            if name not in known:
                near = nearest_names(name, known)
                hint = suggestion(name, known) if known else "it has no options"
                if (
                    not near
                    and self._is_whole
                    and (elsewhere := meant_keys(format_path((*path, name)), self.source.tree))
                ):
                    hint = f"did you mean {' or '.join(elsewhere)}?"
                meant.update(near)
                self.note((*path, name), f"unknown option; {hint}", key=True)
                failed = True
                continue
            try:
                read[name] = self._value(known[name][0], given, (*path, name))
            except _InvalidError:
                failed = True
        missing = [n for n, (_, f) in known.items() if is_required(f) and n not in value]
        self._note_missing(cls, [name for name in missing if name not in meant], path, is_bare)
        if failed or missing:
            raise _InvalidError
        try:
            return cls(**read)
        except OptionError as error:
            self.note((*path, error.option), error.message)
        except ConfigError as error:
            self.note(path, str(error))
        except Exception as error:
            if not (fault := describe_fault(error)):
                raise
            self.note(path, fault)
        raise _InvalidError


def _choices(hint: Any) -> str:
    """Return what a section that is missing may be; empty for a plain option."""
    if hint in NAMED:
        return f"one of {', '.join(NAMED[hint].names())}"
    if get_origin(hint) is tuple and get_args(hint)[0] in NAMED:
        registry = NAMED[get_args(hint)[0]]
        return f"a list of {registry.kind}s, such as {', '.join(registry.names()[:4])}"
    dataclass = getattr(hint, "__dataclass_fields__", None)
    for name, (inner, field) in options_of(hint).items() if dataclass else ():
        if is_required(field):
            return f"its {name} is {_choices(inner) or describe(inner)}"
    return ""

"""Whether an option of a user's layer takes a value, as far as its annotation says."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from cnnrun.engine.types import Range

__all__ = ["takes"]


def takes(config: type[Any], name: str, value: Any) -> bool:
    """Return whether options have one of that name, whose annotation allows the value."""
    try:
        hints = get_type_hints(config, include_extras=True)
    except NameError:  # which is said where a plug-in is imported
        return False
    return name in hints and _allows(hints[name], value)


def _allows(hint: Any, value: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _allows(arguments[0], value) and all(
            _is_within(mark, value) for mark in arguments[1:] if isinstance(mark, Range)
        )
    if origin is Literal:
        return any(value == word and type(value) is type(word) for word in arguments)
    if origin in (Union, types.UnionType):
        return any(_allows(inner, value) for inner in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[1:] == (Ellipsis,):
            return all(_allows(arguments[0], item) for item in value)
        return len(value) == len(arguments) and all(map(_allows, arguments, value))
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint


def _is_within(bounds: Range, value: Any) -> bool:
    return (
        (bounds.gt is None or value > bounds.gt)
        and (bounds.ge is None or value >= bounds.ge)
        and (bounds.lt is None or value < bounds.lt)
        and (bounds.le is None or value <= bounds.le)
    )

"""Type annotations of options: values are checked against them, and they are put into words."""

from __future__ import annotations

import dataclasses
import types
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from cnnrun.data import DATASETS, TRANSFORMS, DatasetSource, Transform
from cnnrun.engine import (
    INITIALIZERS,
    LAYERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Initializer,
    LayerConfig,
    Loss,
    Optimizer,
    Schedule,
)
from cnnrun.engine.types import Range
from cnnrun.errors import excerpt
from cnnrun.registry import Registry, suggestion

__all__ = [
    "NAMED",
    "describe",
    "leaf_adapter",
    "options_of",
    "parse_leaf",
    "registered",
    "section_of",
]

LARGEST_FLOAT = 3.4028234e38

NAMED: dict[type[Any], Registry[Any]] = {
    LayerConfig: LAYERS,
    Initializer: INITIALIZERS,
    Loss: LOSSES,
    Optimizer: OPTIMIZERS,
    Schedule: SCHEDULES,
    DatasetSource: DATASETS,
    Transform: TRANSFORMS,
}
"""By the annotation of an option, the registry that the names given to it are looked up in."""


def registered(registry: Registry[Any], name: str) -> type[Any]:
    """Return the dataclass of a named part's options."""
    cls = registry.get(name)
    options: type[Any] = getattr(cls, "Config", cls)
    return options


@cache
def options_of(cls: Any) -> dict[str, tuple[Any, dataclasses.Field[Any]]]:
    """Return the options of a dataclass, by name: each one's annotation and field."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        field.name: (hints[field.name], field)
        for field in dataclasses.fields(cls)
        if field.metadata.get("option", True)
    }


def section_of(hint: Any) -> Any:
    """Return the dataclass of an option that is a section, one that may be left out too; or None.

    A named part, such as a layer, is none.
    """
    arguments = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    kinds = (kind for kind in arguments if kind not in NAMED)
    return next((kind for kind in kinds if dataclasses.is_dataclass(kind)), None)


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Return whether an option has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


@cache
def leaf_adapter(hint: Any) -> TypeAdapter[Any]:
    """Return pydantic's checker of a plain option: strict, so that nothing is converted."""
    return TypeAdapter(_translate(hint), config=ConfigDict(strict=True, allow_inf_nan=False))


def parse_leaf(hint: Any, value: Any) -> Any:
    """Return a plain option's value, lists as tuples.

    Raises:
        ValueError: it is not what `hint` allows; the message says what is.
    """
    try:
        parsed = leaf_adapter(hint).validate_python(_tuples(value))
        _require_float32(parsed)
        return parsed
    except ValueError as error:
        if (wrong := _wrong_entry(hint, value)) is not None:
            raise ValueError(wrong) from None
        if not isinstance(error, ValidationError):
            raise
        shown = _show(value)
        near = ""
        if isinstance(value, str) and (words := _words(hint)):
            advice = suggestion(value, words)
            near = f"; {advice}" if advice.startswith("did") else ""
        raise ValueError(f"{shown} is not {describe(hint)}{near}") from None


def _wrong_entry(hint: Any, value: Any) -> str | None:
    """Return what is wrong with an entry of a mapping, where one is allowed."""
    choices = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    mappings = [choice for choice in choices if get_origin(choice) is dict]
    if not (mappings and isinstance(value, dict)):
        return None
    for key, entry in value.items():
        try:
            parse_leaf(get_args(mappings[0])[1], entry)
        except ValueError as error:
            return f"{key}: {error}"
    return None


def _require_float32(value: Any) -> None:
    """Refuse a number that would be infinite in float32, in which networks are trained."""
    several = value.values() if isinstance(value, dict) else value
    for number in several if isinstance(value, dict | tuple) else (value,):
        if isinstance(number, float) and abs(number) > LARGEST_FLOAT:
            raise ValueError(
                f"{number} is too large; networks are trained in float32, which ends at "
                f"{LARGEST_FLOAT:.3g}"
            )


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return excerpt(value)


def _translate(hint: Any) -> Any:
    """Return `hint` with the engine's ranges as pydantic's."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        kind, *marks = arguments
        for mark in marks:
            if isinstance(mark, Range):
                bounds = {k: v for k, v in dataclasses.asdict(mark).items() if v is not None}
                kind = Annotated[kind, Field(**bounds)]
        return kind
    if origin in (Union, types.UnionType):
        return Union[tuple(_translate(argument) for argument in arguments)]  # noqa: UP007
    if origin is dict:
        values = _translate(arguments[1])
        return dict[str, values]  # type: ignore[valid-type]
    if origin is tuple:
        inner = tuple(a if a is Ellipsis else _translate(a) for a in arguments)
        return tuple[inner]  # type: ignore[valid-type]
    return hint


def _words(hint: Any) -> list[str]:
    """Return the words that an annotation allows."""
    if get_origin(hint) is Literal:
        return [word for word in get_args(hint) if isinstance(word, str)]
    return [word for argument in get_args(hint) for word in _words(argument)]


def describe(hint: Any) -> str:
    """Return what an annotation allows, in words."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        bounds = next((mark for mark in arguments[1:] if isinstance(mark, Range)), Range())
        return describe(arguments[0]) + _describe_range(bounds)
    if origin is Literal:
        return "one of " * (len(arguments) > 1) + ", ".join(map(str, arguments))
    if origin in (Union, types.UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    if origin is dict:
        return f"a mapping, each value {describe(arguments[1])}"
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"a list, each item {describe(arguments[0])}"
        return f"a list of {len(arguments)}, each {describe(arguments[0])}"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
    return words.get(hint, "null" if hint is types.NoneType else str(hint))


def _describe_range(bounds: Range) -> str:
    signs = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}
    parts = [
        f"{sign} {getattr(bounds, name):g}"
        for name, sign in signs.items()
        if getattr(bounds, name) is not None
    ]
    return f" {' and '.join(parts)}" if parts else ""

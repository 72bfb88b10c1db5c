"""Mistakes in plug-ins: where in its file one went wrong, and what one lacks that it registers."""

from __future__ import annotations

import dataclasses
import inspect
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, ClassVar, get_origin

from cnnrun.config.hints import NAMED, leaf_adapter, options_of, registered
from cnnrun.data import DatasetSource, Transform
from cnnrun.engine import Layer, Loss, Optimizer
from cnnrun.errors import ConfigError, shortened

__all__ = ["PLUGIN_FILES", "check_registered", "describe_fault", "list_registered"]

PLUGIN_FILES: set[str] = set()
"""The files of all plug-ins, as their code names them."""

REQUIRED: dict[type[Any], tuple[str, ...]] = {
    Layer: ("forward", "backward"),
    Loss: ("__call__",),
    Optimizer: ("update_chunk",),
    Transform: ("apply",),
    DatasetSource: ("info", "load"),
}
"""What a part of each kind has to define."""

Registered = set[tuple[str, str]]


def describe_fault(error: Exception) -> str:
    """Return where in a plug-in an exception came from, and what it is; empty if from none.

    The place is the plug-in's last line that was being run, whatever that called.
    """
    place = ""
    for file, line, name in (*_frames(error.__traceback__), *getattr(error, "worker_frames", ())):
        if file in PLUGIN_FILES:
            place = f"{file}:{line}, in {name}"
    return shortened(f"{place}: {type(error).__name__}: {error}") if place else ""


def list_registered() -> Registered:
    """Return the kind and name of all that is registered."""
    return {(registry.kind, name) for registry in NAMED.values() for name in registry}


def check_registered(before: Registered) -> None:
    """Refuse what has been registered since and cannot work.

    Raises:
        ConfigError: a method is missing, or an option is of a kind that no configuration can give.
    """
    for registry in NAMED.values():
        for name in registry:
            if (registry.kind, name) not in before:
                _check(registry.get(name), registered(registry, name), f"{registry.kind} {name}")


def _check(cls: Any, options: Any, what: str) -> None:
    for base, methods in REQUIRED.items():
        lacking = [
            method
            for method in methods
            if issubclass(cls, base) and getattr(cls, method) is getattr(base, method)
        ]
        if lacking:
            raise ConfigError(f"the {what} has no {' and no '.join(lacking)}")
    own = inspect.get_annotations(options)
    if "__dataclass_fields__" not in options.__dict__ and any(map(_is_option, own.values())):
        raise ConfigError(
            f"the options of the {what} are not read: put @dataclass(frozen=True) above the class "
            f"{options.__qualname__}"
        )
    try:
        fields = options_of(options)
    except NameError as error:
        raise ConfigError(f"the options of the {what}: {error}") from None
    for option, (hint, _) in fields.items():
        if not _is_part(hint):
            _check_option(hint, f"the option {option} of the {what}")


def _check_option(hint: Any, what: str) -> None:
    try:
        leaf_adapter(hint)
    except Exception:  # of pydantic, for a type that it cannot check
        raise ConfigError(
            f"{what} is a {getattr(hint, '__name__', hint)}, which no configuration can give; "
            "numbers, text, lists of them and choices can be given"
        ) from None


def _is_option(annotation: Any) -> bool:
    text = annotation if isinstance(annotation, str) else ""
    return get_origin(annotation) is not ClassVar and "ClassVar" not in text


def _is_part(hint: Any) -> bool:
    """Return whether an option is itself a part, or several: a residual block's layers."""
    inner = getattr(hint, "__args__", ())
    return hint in NAMED or dataclasses.is_dataclass(hint) or any(part in NAMED for part in inner)


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    """Yield the file, line and function of each call that an exception went through."""
    for frame, line in traceback.walk_tb(trace):
        yield frame.f_code.co_filename, line, frame.f_code.co_qualname

"""Named collections of building blocks: what `relu` or `sgd` means in a configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

from cnnrun.errors import ConfigError, excerpt

__all__ = ["Registry", "nearest_names", "suggestion"]

LONGEST_NAME = 80
"""Comparing takes time by length, and what is longer was not meant as a name."""

T = TypeVar("T", bound=type[Any])


def nearest_names(name: str, known: Iterable[str]) -> list[str]:
    """Return up to three of `known` that look like `name`, the nearest first."""
    if len(name) > LONGEST_NAME:
        return []
    names = [each for each in known if len(each) <= LONGEST_NAME]
    return get_close_matches(name, names, n=3, cutoff=0.6)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return what a user should have written instead of `name`, as the end of a sentence."""
    names = sorted(known)
    near = nearest_names(name, names)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(names)}"


class Registry(Generic[T]):
    """A mapping from names to classes of one kind.

    A name is given once: registering it again is refused, so that a plug-in cannot silently
    replace a built-in part. A registered class carries its name as `type_name`.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._classes: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Return a class decorator that registers under `name`.

        Raises:
            ConfigError: the name is taken.
        """

        def add(cls: T) -> T:
            if name in self._classes:
                raise ConfigError(f"a {self.kind} named {name!r} is registered already")
            cls.type_name = name
            self._classes[name] = cls
            return cls

        return add

    def get(self, name: str) -> T:
        """Return the class called `name`.

        Raises:
            ConfigError: nothing has that name; the message offers the nearest ones.
        """
        try:
            return self._classes[name]
        except KeyError:
            hint = suggestion(name, self._classes)
            raise ConfigError(f"no {self.kind} is called {excerpt(name)}; {hint}") from None

    def names(self) -> list[str]:
        """Return the registered names in alphabetical order."""
        return sorted(self._classes)

    def __contains__(self, name: object) -> bool:
        return name in self._classes

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self._classes)

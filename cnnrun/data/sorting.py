"""The order of class names and files, in which numbers count: class2 precedes class10."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["natural_key", "naturally_sorted"]

DIGITS = re.compile("([0-9]+)")

Number = tuple[int, str]


def natural_key(name: str) -> tuple[tuple[str | Number, ...], str]:
    """Return what to sort a name by; names without digits keep the order of their characters."""
    parts = DIGITS.split(name)  # text, digits, text, digits, ..., text
    return tuple(
        _number(part) if position % 2 else part for position, part in enumerate(parts)
    ), name


def naturally_sorted(names: Iterable[str]) -> list[str]:
    """Return names in natural order: a1, a2, a10."""
    return sorted(names, key=natural_key)


def _number(digits: str) -> Number:
    """Return what orders digits by their value, however many there are."""
    value = digits.lstrip("0")
    return len(value), value

"""What a sweep tries of one setting: a list of values, or a range that values are drawn from."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any, ClassVar

from cnnrun.config.hints import LARGEST_FLOAT
from cnnrun.errors import excerpt

__all__ = ["Choice", "Dimension", "Integers", "Reals", "read_dimension"]

FORMS = "a list of values, {log: [a, b]}, {uniform: [a, b]} or {integer: [a, b], step: n}"
MOST_VALUES = 10_000


@dataclass(frozen=True)
class Choice:
    """One of several values, each anything that a configuration may say."""

    values: tuple[Any, ...]

    @property
    def count(self) -> int:
        """How many values there are."""
        return len(self.values)

    def value(self, place: int) -> Any:
        """Return one of the values, by its place from 0."""
        return self.values[place]


@dataclass(frozen=True)
class Integers:
    """The whole numbers from `low` on, `step` apart, to `high` at most."""

    low: int
    high: int
    step: int = 1

    @property
    def count(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def value(self, place: int) -> int:
        """Return one of the values, by its place from 0."""
        return self.low + place * self.step


@dataclass(frozen=True)
class Reals:
    """The numbers from `low` to `high`; where `log` is set, every factor is as likely."""

    low: float
    high: float
    log: bool

    count: ClassVar[None] = None
    """There is no end of values."""


Dimension = Choice | Integers | Reals


def read_dimension(value: Any) -> Dimension:
    """Return what the search section says of a setting.

    Raises:
        ValueError: it is none of the forms; the message says what is wrong.
    """
    if isinstance(value, list):
        return _choice(value)
    if not isinstance(value, dict):
        raise ValueError(f"{excerpt(value)} is not {FORMS}; for one value alone, set it in base")
    kind = next(iter(value), "")
    others = set(value) - {kind} - ({"step"} if kind == "integer" else set())
    if kind not in ("log", "uniform", "integer", "choice") or others:
        raise ValueError(f"needs {FORMS}; got {', '.join(value) or 'nothing'}")
    if kind == "choice":
        if not isinstance(value[kind], list):
            raise ValueError("choice takes a list of values")
        return _choice(value[kind])
    low, high = _ends(kind, value[kind])
    if kind == "integer":
        step = value.get("step", 1)
        if type(step) is not int or step < 1:
            raise ValueError(f"step {excerpt(step)} is not a whole number >= 1")
        if type(low) is not int or type(high) is not int:
            raise ValueError(f"integer takes whole numbers, got {low} and {high}")
        # The last value that is reached, so that both ends are values.
        return Integers(low, low + (high - low) // step * step, step)
    if kind == "log" and low <= 0:
        raise ValueError(f"log needs numbers > 0, got {low}")
    return Reals(float(low), float(high), kind == "log")


def _choice(values: list[Any]) -> Choice:
    if not 1 <= len(values) <= MOST_VALUES:
        raise ValueError(f"a list of 1 to {MOST_VALUES:,} values, got {len(values)}")
    texts = [json.dumps(value) for value in values]
    if len({*texts}) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise ValueError(f"{twice} is there twice")
    return Choice(tuple(values))


def _ends(kind: str, value: Any) -> tuple[Any, Any]:
    is_pair = isinstance(value, list) and len(value) == 2
    if not is_pair or any(isinstance(end, bool) or not isinstance(end, int | float)
                          for end in value):  # fmt: skip
        raise ValueError(f"{kind} takes the two ends, such as {kind}: [1, 10]")
    low, high = value
    if not low < high:
        raise ValueError(f"{kind} goes from the smaller end to the larger, got {low} and {high}")
    if not all(math.isfinite(end) and abs(end) <= LARGEST_FLOAT for end in value):
        raise ValueError(f"{excerpt(value)}: too large for float32")
    return low, high

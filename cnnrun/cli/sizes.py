"""Sizes as they are written on the command line: `3x4`, `same`, `2,3`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cnnrun.errors import ConfigError

if TYPE_CHECKING:
    from cnnrun.engine.types import Padding

__all__ = ["parse_element", "parse_image", "parse_padding", "parse_pair"]


def _sizes(text: str, option: str, counts: tuple[int, ...], example: str) -> tuple[int, ...]:
    """Return numbers such as 3x4."""
    if re.fullmatch(r"[1-9]\d{0,5}(x[1-9]\d{0,5})*", text):
        sizes = tuple(int(size) for size in text.split("x"))
        if len(sizes) in counts:
            return sizes
    raise ConfigError(f"{option} {text}: write it as {example}")


def parse_image(text: str, channels: int | None) -> tuple[int, int, int]:
    """Return height, width and channels of `3`, `3x4` or `3x4x2`."""
    sizes = _sizes(text, "--input", (1, 2, 3), "3x3, or 3x3x2 with channels")
    if len(sizes) == 1:
        sizes *= 2
    if len(sizes) == 3 and channels not in (None, sizes[2]):
        raise ConfigError(f"--input {text} has {sizes[2]} channels, --channels says {channels}")
    return sizes[0], sizes[1], sizes[2] if len(sizes) == 3 else channels or 1


def parse_pair(text: str, option: str) -> tuple[int, int]:
    """Return height and width of `2` or `2x3`."""
    sizes = _sizes(text, option, (1, 2), "2, or 2x3 for height and width")
    return sizes[0], sizes[-1]


def parse_padding(text: str) -> Padding:
    """Return `valid`, `same`, or how many zeros stand above and to the left."""
    names: dict[str, Padding] = {"valid": "valid", "same": "same"}
    if text in names:
        return names[text]
    if not re.fullmatch(r"\d{1,5}(x\d{1,5})?", text):
        raise ConfigError(f"--padding {text}: write it as valid, same, 1, or 1x2")
    sizes = [int(size) for size in text.split("x")]
    return sizes[0], sizes[-1]


def parse_element(text: str | None) -> tuple[int, ...] | None:
    """Return row, column, ... of `2,3`, counted from 1; None for None."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*){0,3}", text):
        raise ConfigError(f"--element {text}: write it as 2,3: row and column, counted from 1")
    return tuple(int(place) for place in text.split(","))

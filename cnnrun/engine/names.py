"""How sizes are written in messages and tables."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["format_size"]


def format_size(sizes: Iterable[int]) -> str:
    """Return sizes such as (28, 28, 1) as `28x28x1`."""
    return "x".join(map(str, sizes))

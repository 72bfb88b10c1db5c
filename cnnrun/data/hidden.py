"""Which files and folders nobody put there: hidden ones, and those of macOS's archives."""

from __future__ import annotations

from pathlib import PurePath

__all__ = ["hidden"]


def hidden(inside: PurePath | str) -> bool:
    """Return whether any part of a path within a data set is hidden, or of macOS's archives."""
    return any(part.startswith(".") or part == "__MACOSX" for part in PurePath(inside).parts)

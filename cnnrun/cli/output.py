"""What reaches the terminal besides tables: results on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from cnnrun.documents import finite
from cnnrun.untrusted import csv_text, visible

__all__ = ["message", "print_csv", "print_json", "write_csv"]

SCHEMA_VERSION = 1


def print_json(document: Mapping[str, Any]) -> None:
    """Print a result as one JSON document; what is not finite becomes null."""
    whole = finite({"schema_version": SCHEMA_VERSION, **document})
    # In ASCII, so that any terminal and any file name can be written; piece by piece, since the
    # pieces of a large document take many times the room of its text.
    pieces = json.JSONEncoder(indent=2).iterencode(whole)
    while text := "".join(islice(pieces, 10_000)):
        print(text, end="")
    print()


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a result as comma-separated values; what is not finite becomes empty."""
    finite_rows = ([finite(value) for value in row] for row in rows)
    print(csv_text(header, finite_rows, "\n"), end="")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a result as a file of comma-separated values, whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    from cnnrun.errors import DataError
    from cnnrun.runs.files import replace_file

    content = csv_text(header, rows).encode("utf-8", "backslashreplace")
    try:
        replace_file(path, content)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def message(text: str, *, quiet: bool = False) -> None:
    """Print a line to stderr."""
    if not quiet:
        print(visible(text), file=sys.stderr, flush=True)

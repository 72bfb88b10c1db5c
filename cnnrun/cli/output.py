"""What reaches the terminal besides tables: results on stdout, messages on stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cnnrun.documents import finite

__all__ = ["message", "print_csv", "print_json"]

SCHEMA_VERSION = 1


def print_json(document: Mapping[str, Any]) -> None:
    """Print a result as one JSON document; what is not finite becomes null."""
    # In ASCII, so that any terminal and any file name can be written.
    print(json.dumps(finite({"schema_version": SCHEMA_VERSION, **document}), indent=2))


def print_csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a result as comma-separated values; what is not finite becomes empty."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([finite(value) for value in row] for row in rows)


def message(text: str, *, quiet: bool = False) -> None:
    """Print a line to stderr."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)

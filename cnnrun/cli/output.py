"""What reaches the terminal: results on stdout, messages on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

__all__ = ["figure", "message", "print_json", "print_table", "share", "table"]

SCHEMA_VERSION = 1


def print_json(document: Mapping[str, Any]) -> None:
    """Print a result as one JSON document; what is not finite becomes null."""
    whole = {"schema_version": SCHEMA_VERSION, **document}
    print(json.dumps(_finite(whole), indent=2, ensure_ascii=False))


def message(text: str, *, quiet: bool = False) -> None:
    """Print a line to stderr."""
    if not quiet:
        print(text, file=sys.stderr, flush=True)


def table(title: str, columns: Sequence[str], *, left: Sequence[str] = ()) -> Table:
    """Return an empty table; columns not named in `left` are aligned right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=SIMPLE_HEAD, title_style="bold")
    for column in columns:
        is_left = column in left
        made.add_column(column, justify="left" if is_left else "right", overflow="fold")
        made.columns[-1].no_wrap = not is_left
    return made


def print_table(made: Table) -> None:
    """Print a table to stdout: coloured on a terminal; plain and as wide as needed elsewhere."""
    _console().print(made)


def figure(value: float | None, digits: int = 4) -> str:
    """Return a number with so many digits after the point, or a dash."""
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def share(value: float | None) -> str:
    """Return a share as a percentage."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.2f}%"


def _console() -> Console:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120, highlight=False)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value

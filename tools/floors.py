"""The floors of the package: read by the test that holds them and by the picture that shows them.

A module imports from lower floors and from its own part, never sideways or upwards; the files on
the ground floor alone may use each other.
"""

from __future__ import annotations

import ast
from pathlib import Path

__all__ = ["FLOORS", "PACKAGE", "imports_of", "part_of"]

PACKAGE = Path(__file__).parents[1] / "cnnrun"

FLOORS = {
    "__main__": 10,
    "__init__": 10,
    "cli": 9,
    "sweeps": 8,
    "report": 7,
    "preflight": 7,
    "inspection": 6,
    "bench": 6,
    "testing": 6,
    "runs": 5,
    "foreign": 4,
    "config": 3,
    "explain": 3,
    "gradcheck": 2,
    "data": 2,
    "engine": 1,
    "pages": 0,
    "statistics": 0,
    "errors": 0,
    "launchers": 0,
    "registry": 0,
    "documents": 0,
    "notebook": 0,
    "transfers": 0,
    "untrusted": 0,
}
"""From a file or folder of the package to the number of its floor."""


def part_of(path: Path, package: Path = PACKAGE) -> str:
    """Return which part of the package a file belongs to: `engine`, `errors`, ..."""
    return path.relative_to(package).parts[0].removesuffix(".py")


def imports_of(path: Path) -> list[str]:
    """Return the absolute names of all modules a file imports, also inside functions.

    Raises:
        ValueError: an import is relative, so that it does not say where it goes.
    """
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno}: relative import")
            names.append(node.module or "")
            if node.module == "cnnrun":
                names += [f"cnnrun.{alias.name}" for alias in node.names]
    return names

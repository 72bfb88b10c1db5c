"""The package is built in floors: a module imports from lower ones and its own, never upwards."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import cnnrun

PACKAGE = Path(cnnrun.__file__).parent
FLOORS = {
    "errors": 0,
    "registry": 0,
    "documents": 0,
    "engine": 1,
    "gradcheck": 2,
    "explain": 3,
    "data": 2,
    "config": 3,
    "runs": 4,
    "inspection": 5,
    "bench": 5,
    "cli": 6,
    "__main__": 7,
    "__init__": 7,
}
ENGINE_MAY_IMPORT = {"numpy", "threadpoolctl", "numba", "cnnrun"}
ONLY_IN_CLI = {"typer", "click", "rich", "tqdm"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def floor_of(name: str) -> str:
    """Return the floor's name of a module such as `cnnrun.engine.layer`."""
    return name.split(".")[1]


def imports_of(path: Path) -> list[str]:
    """Return the absolute names of all modules a file imports, also inside functions."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.append(node.module or "")
            if node.module == "cnnrun":
                found += [f"cnnrun.{alias.name}" for alias in node.names]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for name in imports_of(path):
        if name.startswith("cnnrun.") and floor_of(name) in FLOORS:
            assert FLOORS[floor_of(name)] <= FLOORS[own], f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_floors_use_only_the_libraries_meant_for_them(path):
    import sys

    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    tops = {name.split(".")[0] for name in imports_of(path)}
    if own in ("engine", "errors", "registry"):
        assert tops - sys.stdlib_module_names <= ENGINE_MAY_IMPORT
    if own != "cli":
        assert not tops & ONLY_IN_CLI
    if own != "config":
        assert "pydantic" not in tops


def test_every_part_of_the_package_has_a_floor():
    parts = {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.is_dir() or path.suffix == ".py"
    }
    assert parts - {"__pycache__"} <= FLOORS.keys()

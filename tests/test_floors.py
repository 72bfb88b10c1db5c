"""The package is built in floors: a module imports from lower ones and its own, never upwards."""

from __future__ import annotations

import pytest
from floors import FLOORS, PACKAGE, imports_of, part_of

ENGINE_MAY_IMPORT = {"numpy", "threadpoolctl", "numba", "cnnrun"}
ONLY_IN_CLI = {"typer", "click", "rich", "tqdm"}
MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path):
    own = part_of(path)
    for name in imports_of(path):
        target = name.split(".")[1] if name.startswith("cnnrun.") else ""
        if target in FLOORS:
            assert FLOORS[target] <= FLOORS[own], f"{path} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_floors_use_only_the_libraries_meant_for_them(path):
    import sys

    own = part_of(path)
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

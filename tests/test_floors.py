"""The package is built in floors: a module imports from lower ones and its own, never upwards."""

from __future__ import annotations

import pytest
from floors import FLOORS, PACKAGE, imports_of, part_of

ENGINE_MAY_IMPORT = {"numpy", "threadpoolctl", "numba", "cnnrun"}
ONLY_IN_CLI = {"typer", "click", "rich", "tqdm"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports_between_parts() -> dict[str, set[str]]:
    """Return, for every top-level part, the others that it imports."""
    graph: dict[str, set[str]] = {part_of(path): set() for path in MODULES}
    for path in MODULES:
        names = [name for name in imports_of(path) if name.startswith("cnnrun.")]
        graph[part_of(path)] |= {name.split(".")[1] for name in names} & graph.keys()
    return {part: others - {part} for part, others in graph.items()}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_downwards_only(path):
    own = part_of(path)
    for name in imports_of(path):
        target = name.split(".")[1] if name.startswith("cnnrun.") else ""
        if target in FLOORS and target != own:
            is_ground = FLOORS[target] == FLOORS[own] == 0
            assert FLOORS[target] < FLOORS[own] or is_ground, f"{path} imports {name}"


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
    if own != "pages":
        assert "jinja2" not in tops


def test_no_two_parts_import_each_other_in_a_circle():
    graph = imports_between_parts()
    assert graph["explain"] >= {"engine", "gradcheck"}
    while graph:  # take away, again and again, the parts that import nothing that is left
        free = {part for part, others in graph.items() if not others & graph.keys()}
        assert free, f"a circle of imports among {', '.join(sorted(graph))}"
        graph = {part: others for part, others in graph.items() if part not in free}


def test_explanations_know_no_files_and_no_runs():
    assert imports_between_parts()["explain"] <= {
        "engine", "errors", "gradcheck", "pages", "registry",
    }  # fmt: skip


def test_every_part_of_the_package_has_a_floor():
    parts = {
        path.name.removesuffix(".py")
        for path in PACKAGE.iterdir()
        if path.is_dir() or path.suffix == ".py"
    }
    assert parts - {"__pycache__"} <= FLOORS.keys()

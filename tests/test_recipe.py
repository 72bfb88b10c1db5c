"""A new layer costs one file and one row: CONTRIBUTING's recipe is followed on a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NEEDED = [
    "cnnrun", "configs", "docs/images", "tests", "tools", "README.md", "cnnrun.schema.json",
    "pyproject.toml",
]  # fmt: skip
ABOUT_LAYERS = [
    "tests/config", "tests/engine/test_layers.py", "tests/engine/test_other_layers_parity.py",
    "tests/gradcheck/test_networks.py", "tests/test_documents.py", "tests/test_floors.py",
    "tests/test_generated.py",
]  # fmt: skip


@pytest.fixture
def copy(tmp_path):
    """Return a copy of what the recipe touches, with the recipe followed."""
    ignore = shutil.ignore_patterns("__pycache__", "golden")
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tmp_path / name, ignore=ignore)
        else:
            shutil.copy(source, tmp_path / name)
    recipe = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    file, row = re.findall(r"```python\n(.*?)```", recipe, re.S)
    (path,) = re.findall(r"Write `(cnnrun/engine/layers/\w+\.py)`", recipe)
    (tmp_path / path).write_text(file, "utf-8")
    table = tmp_path / "tests/layer_cases.py"
    table.write_text(table.read_text("utf-8").replace("CASES = [\n", f"CASES = [\n{row}"), "utf-8")
    return tmp_path


def run(folder, *command):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_the_generated_files_are_left_to_renew(copy):
    chosen = "hard_tanh or reference or row or generated or schema"
    tests = ("-m", "pytest", "-p", "no:cacheprovider", *ABOUT_LAYERS, "-k", chosen)
    first = run(copy, *tests)
    failed = re.findall(r"^FAILED (\S+)", first.stdout, re.M)
    assert failed == ["tests/test_generated.py::test_generated_files_are_current"], first.stdout
    assert "run python tools/renew.py" in first.stdout
    renewed = run(copy, "tools/renew.py")
    assert renewed.stdout.splitlines() == [
        "wrote cnnrun.schema.json",
        "wrote README.md",
        "wrote docs/images/architecture.svg",
    ]
    assert run(copy, *tests[:4], "tests/test_generated.py").returncode == 0

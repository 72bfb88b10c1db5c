"""The breaks of tools/breaks.toml fit the code they break."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from break_and_test import Break, apply, read_breaks

ROOT = Path(__file__).parents[1]
ROWS = read_breaks()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_break_changes_one_line_and_names_tests_that_exist(row):
    whole = (ROOT / row.file).read_text("utf-8")
    broken = apply(row, whole)
    compile(broken, row.file, "exec")
    pairs = zip(whole.split("\n"), broken.split("\n"), strict=True)
    assert sum(old != new for old, new in pairs) == 1
    paths = [word for word in shlex.split(row.tests) if word.startswith("tests")]
    assert paths
    assert all((ROOT / path.split("::")[0]).exists() for path in paths)


def test_a_line_must_stand_there_once():
    row = Break("twice", "x.py", "a = 1", "a = 2", "tests")
    assert apply(row, "def f():\n    a = 1\n") == "def f():\n    a = 2\n"
    for text in ("a = 3\n", "a = 1\na = 1\n"):
        with pytest.raises(ValueError, match=r"x\.py: 'a = 1' is there \d times, not once"):
            apply(row, text)

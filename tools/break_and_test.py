"""Breaks one line at a time, runs the tests that should notice, and counts what survives.

python tools/break_and_test.py [WORD ...]    all breaks, or those whose file or name has a WORD

The breaks are rows of tools/breaks.toml. Each is made in a copy of the tree; the tests named for it
run until one fails. Exits 1 when more than 10% survive, or when a row no longer fits the code.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Break", "apply", "read_breaks"]

ROOT = Path(__file__).parents[1]
COPIED = [
    "cnnrun", "configs", "docs", "examples", "tests", "tools", "README.md", "CONTRIBUTING.md",
    "cnnrun.schema.json", "pyproject.toml",
]  # fmt: skip
MAXIMUM_SURVIVING = 0.1


@dataclass(frozen=True)
class Break:
    """One wrong line.

    Attributes:
        name: what is wrong with it.
        file: relative to the root.
        old, new: the line as it is, and as it becomes; without indentation.
        tests: what pytest is given, as on its command line.
    """

    name: str
    file: str
    old: str
    new: str
    tests: str


def read_breaks(path: Path = ROOT / "tools" / "breaks.toml") -> list[Break]:
    """Return the rows of the table."""
    return [Break(**row) for row in tomllib.loads(path.read_text("utf-8"))["break"]]


def apply(row: Break, text: str) -> str:
    """Return a file's text with the one line broken.

    Raises:
        ValueError: the line is not there exactly once.
    """
    lines = text.split("\n")
    places = [index for index, line in enumerate(lines) if line.strip() == row.old]
    if len(places) != 1:
        raise ValueError(f"{row.file}: {row.old!r} is there {len(places)} times, not once")
    line = lines[places[0]]
    lines[places[0]] = line[: len(line) - len(line.lstrip())] + row.new
    return "\n".join(lines)


def passes(folder: Path, tests: str) -> bool:
    """Return whether the tests pass in a folder."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, *shlex.split(tests)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in (0, 1, 2):  # 1: a test failed, 2: a module cannot be imported
        raise ValueError(f"pytest {tests} exits with {result.returncode}:\n{result.stdout[-800:]}")
    return result.returncode == 0


def main() -> int:
    words = sys.argv[1:]
    rows = [
        row
        for row in read_breaks()
        if not words or any(word in f"{row.file} {row.name}" for word in words)
    ]
    survived, misfits = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in COPIED:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, folder / part)
        for cache in list(folder.rglob("__pycache__")):
            shutil.rmtree(cache)
        misfits += [
            f"pytest {tests} fails without any break"
            for tests in dict.fromkeys(row.tests for row in rows)
            if not passes(folder, tests)
        ]
        for number, row in enumerate(rows, 1):
            path = folder / row.file
            whole = path.read_text("utf-8")
            try:
                path.write_text(apply(row, whole), "utf-8")
                lives = passes(folder, row.tests)
            except ValueError as error:
                misfits.append(str(error))
                continue
            finally:
                path.write_text(whole, "utf-8")
            if lives:
                survived.append(row)
            verdict = "SURVIVED" if lives else "killed"
            print(f"{number:3}/{len(rows)} {verdict:8} {row.file}: {row.name}", flush=True)
    print(f"{len(survived)} of {len(rows)} breaks survived")
    for misfit in misfits:
        print(misfit, file=sys.stderr)
    return 1 if misfits or len(survived) > MAXIMUM_SURVIVING * len(rows) else 0


if __name__ == "__main__":
    sys.exit(main())

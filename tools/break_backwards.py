"""Breaks every expression of every backward once, and counts what the checker misses.

python tools/break_backwards.py [WORD ...]   all layers and losses, or those whose file has a WORD

In a copy of the package one operator, number or comparison of a `backward`, a `derivative` or a
loss is changed, or one statement is left out, and `cnnrun gradcheck --layer NAME` must fail.
What passes is printed with its line: it is a mistake that the checker misses, or no mistake at all,
such as a number that only saves work. That is for a reader to tell.
"""

from __future__ import annotations

import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = ("engine/layers", "engine/losses")
METHODS = ("backward", "derivative", "__call__")
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Gt: ast.GtE,
    ast.GtE: ast.Lt, ast.Lt: ast.GtE, ast.LtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr,
}  # fmt: skip


def mistakes(tree: ast.Module) -> Iterator[tuple[int, str, ast.Module]]:
    """Yield the line, the words and the module of each mistake in a file."""
    count = len(list(_sites(tree)))
    for number in range(count):
        broken = copy.deepcopy(tree)
        line, words, change = list(_sites(broken))[number]
        change()
        yield line, words, ast.fix_missing_locations(broken)


def _sites(tree: ast.Module):
    """Yield where a backward can be broken: line, words, and what breaks it."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in METHODS:
            for body in [node.body for node in ast.walk(function) if hasattr(node, "body")]:
                if isinstance(body, list):
                    yield from _without_statements(body)
            for node in ast.walk(function):
                yield from _other_expressions(node)


def _without_statements(body: list[ast.stmt]):
    for index, node in enumerate(body):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not is_text and not isinstance(node, ast.Return):
            yield (
                node.lineno,
                f"without: {ast.unparse(node)}".split("\n")[0],
                lambda index=index: body.__setitem__(index, ast.Pass()),
            )


def _other_expressions(node: ast.AST):
    for field in ("op", "ops"):
        value = getattr(node, field, None)
        operator = value[0] if isinstance(value, list) and value else value
        if type(operator) in SWAPS:
            other = SWAPS[type(operator)]()
            new = [other, *value[1:]] if isinstance(value, list) else other
            words = f"{type(operator).__name__} -> {type(other).__name__}: {ast.unparse(node)}"
            yield node.lineno, words, lambda field=field, new=new: setattr(node, field, new)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        words = f"{node.value} -> {node.value + 1}"
        yield node.lineno, words, lambda: setattr(node, "value", node.value + 1)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        words = f"sign: {ast.unparse(node)}"
        yield node.lineno, words, lambda: setattr(node, "op", ast.UAdd())
    if isinstance(node, ast.Return) and node.value is not None:
        double = ast.BinOp(node.value, ast.Mult(), ast.Constant(1.001))
        yield node.lineno, "returned 0.1% too large", lambda: setattr(node, "value", double)


def is_caught(package: Path, name: str) -> bool:
    """Return whether the checker of a copy finds fault with a layer or a loss."""
    result = subprocess.run(
        [sys.executable, "-m", "cnnrun", "gradcheck", "--layer", name],
        cwd=package.parent,
        env={**os.environ, "PYTHONPATH": str(package.parent), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
    return result.returncode != 0


def main() -> int:
    words = sys.argv[1:]
    planted, missed = 0, []
    with tempfile.TemporaryDirectory() as folder:
        package = Path(shutil.copytree(ROOT / "cnnrun", Path(folder) / "cnnrun"))
        for place in PLACES:
            for file in sorted((package / place).glob("[a-z]*.py")):
                if words and not any(word in file.name for word in words):
                    continue
                text = file.read_text("utf-8")
                name = text.partition('.register("')[2].partition('"')[0]
                if not name:
                    continue
                if is_caught(package, name):
                    print(f"{name}: is not right as it stands", file=sys.stderr)
                    return 2
                for line, what, broken in mistakes(ast.parse(text)):
                    file.write_text(ast.unparse(broken), "utf-8")
                    planted += 1
                    if not is_caught(package, name):
                        missed.append(f"{place}/{file.name}:{line}: {what}")
                        print(missed[-1], flush=True)
                file.write_text(text, "utf-8")
    print(f"{planted} mistakes planted, {len(missed)} passed the checker")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

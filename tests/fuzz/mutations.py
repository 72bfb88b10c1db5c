"""Changes of texts and of documents that a careless or hostile hand could make, by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from typing import Any

__all__ = ["mutate_bytes", "mutate_document", "mutate_text", "paths"]

FRAGMENTS = (
    r'"\UFFFFFFFF"', r'"\U00110000"', r'"\uD800"', r'"\uDC00\uD800"', r'"\0"', r'"\x00\x1b[2J"',
    r'"\N\_\L\P"', r'"\q"', '"', "'", "\x00", "\x07", "\x1b[31m", "\ufeff", "\ufffe", "\ufffd",
    "\x85", "\u2028", "\ud7ff", "\U0001f600", "\t", "\r", "\r\n", "%YAML 9.9\n", "%TAG ! x:\n",
    "---", "...", "--- |\n", "!!python/object/apply:os.system [x]", "!!binary abc", "!!int x", "!x",
    "!<a>", "!!null", "&a", "*a", "&a [*a, *a]", "&a {b: *a}", "<<: *a", "<<: {a: 1}", "? ",
    "? [a]: b", ": ",
    "- ", "[", "]", "{", "}", ",", "#", "|", ">", "|9", ">-\n", "@", "`", "2001-01-01",
    "2001-01-01 00:00:00", "12:30:45", "0o17", "0x1F", "1_000", ".inf", "-.INF", ".nan", "1e999",
    "1e-999", "-0", "-0.0", "~", "null", "yes", "=", "0b1", "1e", "+",
)  # fmt: skip

LONG: tuple[Callable[[int], str], ...] = (
    lambda n: "[" * n,
    lambda n: "{" * n,
    lambda n: "[" * n + "]" * n,
    lambda n: "{a: " * n + "1" + "}" * n,
    lambda n: "- " * n + "x",
    lambda n: "? " * n + "x",
    lambda n: "x" * 40 * n,
    lambda n: "9" * 20 * n,
    lambda n: "0x" + "f" * 20 * n,
    lambda n: "1." + "0" * 20 * n,
    lambda n: "[" + "1, " * 4 * n + "]",
    lambda n: "{" + "".join(f"k{i}: 1, " for i in range(n)) + "}",
    lambda n: '"' + "\\x41" * 10 * n + '"',
    lambda n: "a b " * 10 * n,
    lambda n: "\n" * n,
    lambda n: "!" * n,
    lambda n: "&a" * n,
)

VALUES: tuple[Any, ...] = (
    0, 1, 2, 3, 7, 31, -1, 10**9, 2**31, 2**63 - 1, 2**63, 10**18, 10**30, -(10**30),
    0.0, -1.0, 0.5, 1.0, 1.5, 1e-45, 1e-300, 1e20, 3e38, 1e39, 1e300, 1.7e308, -1e300,
    True, False, None, "", " ", "auto", "same", "valid", "classes", "inputs", "x" * 5000,
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "\x00", "..", "/dev/zero",
    "/", "~root", "1e5", "NaN", [], {}, [[]], [0, 0], [1, 1], [3, 3], [10**9, 10**9], [1, 2, 3],
    [1] * 3000, ["x" * 3000], {"a": 1}, {"": None}, [None], [{}], [True], ["relu"], ["relu"] * 30,
)  # fmt: skip


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Return content with some bytes flipped, cut out, doubled or inserted."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        place = rng.randrange(len(content) + 1)
        match rng.randrange(5):
            case 0 if place < len(content):
                content[place] = rng.randrange(256)
            case 1:
                del content[place : place + rng.choice((1, 3, 50, 10_000))]
            case 2:
                content[place:place] = content[place : place + rng.choice((1, 8, 300))]
            case 3:
                content[place:place] = rng.randbytes(rng.choice((1, 2, 4, 40)))
            case 4 if place < len(content):
                content[place] ^= 1 << rng.randrange(8)
    return bytes(content)


def mutate_text(text: str, rng: random.Random) -> str:
    """Return text with lines moved or lost, indentation changed, or something odd put into it."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        lines = text.split("\n")
        row = rng.randrange(len(lines))
        match rng.randrange(7):
            case 0:
                del lines[row]
            case 1:
                lines.insert(row, lines[rng.randrange(len(lines))])
            case 2:
                other = rng.randrange(len(lines))
                lines[row], lines[other] = lines[other], lines[row]
            case 3:
                lines[row] = " " * rng.choice((1, 2, 3, 60)) + lines[row]
            case 4:
                lines[row] = lines[row].lstrip()
            case _:
                odd = rng.choice(FRAGMENTS)
                if rng.random() < 0.3:
                    odd = rng.choice(LONG)(rng.choice((10, 50, 300, 3000)))
                line = lines[row]
                spaces = [place for place, letter in enumerate(line) if letter in " :[,{"] or [0]
                place = rng.choice((rng.randrange(len(line) + 1), rng.choice(spaces) + 1))
                lines[row] = line[:place] + odd + line[place + rng.choice((0, 0, 1, 5)) :]
        text = "\n".join(lines)
    return text


def mutate_document(document: Any, rng: random.Random) -> Any:
    """Return a copy of a tree with a value replaced, lost, doubled, wrapped or moved."""
    tree = deepcopy(document)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        places = paths(tree)
        if not places:
            return rng.choice(VALUES)
        *above, key = rng.choice(places)
        node = tree
        for step in above:
            node = node[step]
        match rng.randrange(8):
            case 0:
                del node[key]
            case 1:
                *above, other = rng.choice(places)
                given = document
                try:
                    for step in (*above, other):
                        given = given[step]
                except (LookupError, TypeError):
                    given = None
                node[key] = deepcopy(given)
            case 2:
                node[key] = [node[key]]
            case 3 if isinstance(node, dict):
                node[rng.choice(("x", "", "a" * 3000, "learning_rate", str(key) + "s"))] = node[key]
            case 4 if isinstance(node[key], int | float) and not isinstance(node[key], bool):
                node[key] = rng.choice(
                    (-node[key], node[key] * 2, node[key] * 1e30, str(node[key]))
                )
            case _:
                node[key] = deepcopy(rng.choice(VALUES))
    return tree


def paths(tree: Any, start: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where every value of a tree stands, but for the tree itself."""
    entries: Any = ()
    if isinstance(tree, dict):
        entries = tree.items()
    elif isinstance(tree, list):
        entries = enumerate(tree)
    return [path for key, item in entries for path in ((*start, key), *paths(item, (*start, key)))]

"""Puts the command line's arguments into the order that the verbs' parsers understand.

Options that verbs share may stand before the verb too, `--resume` may stand without a run, and
`--debug` may stand anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["arrange"]

FLAGS = frozenset({"--json", "--quiet", "-q"})
WITH_VALUE = frozenset({"--runs-dir", "--plugin"})


def arrange(words: Sequence[str]) -> tuple[list[str], bool]:
    """Return the words as the verbs' parsers want them, and whether `--debug` was among them."""
    end = words.index("--") if "--" in words else len(words)
    options, rest = list(words[:end]), list(words[end:])  # what follows `--` is never an option
    debug = "--debug" in options
    options = [word for word in options if word != "--debug"]
    return [*_with_default_run(_shared_last(options)), *rest], debug


def _shared_last(words: list[str]) -> list[str]:
    """Move the shared options that stand before the verb behind everything else."""
    start = 0
    while start < len(words):
        name, equals, _ = words[start].partition("=")
        if name in FLAGS or (name in WITH_VALUE and equals):
            start += 1
        elif name in WITH_VALUE:
            start += 2
        else:
            break
    return [*words[start:], *words[:start]]


def _with_default_run(words: list[str]) -> list[str]:
    """Let `--resume` without a value mean the last run."""
    return [
        "--resume=last" if word == "--resume" and following.startswith("-") else word
        for word, following in zip(words, [*words[1:], "-"], strict=False)
    ]

"""Names as people write them: sizes such as `28x28x1`, and the layers that `--layers` means.

The words of `--layers`:

    3                    the layer at position 3, counted from 0 as in the names
    03_conv2d            the layer of that name; inside a block, 03_residual/branch/00_conv2d
    conv2d               every layer of that type
    conv2d1, conv1       the first layer of that type, counted from 1; the `2d` may be left out

A block brings the layers inside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from cnnrun.errors import ConfigError
from cnnrun.registry import nearest_names, suggestion

__all__ = ["format_size", "select_layers"]


def format_size(sizes: Iterable[int]) -> str:
    """Return sizes such as (28, 28, 1) as `28x28x1`."""
    return "x".join(map(str, sizes))


def select_layers(names: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return those of `names` that `words` name, in the order of `names`; all, without words.

    Args:
        names: full names of a network's layers, those inside a block after it.
        words: as described above.

    Raises:
        ConfigError: a word names no layer; the message offers the nearest words that do.
    """
    if not words:
        return list(names)
    known = _vocabulary(names)
    chosen: set[str] = set()
    for word in (word.strip() for word in words):
        named = known.get(str(int(word)) if word.isdecimal() else word)
        if named is None:
            raise ConfigError(f"no layer is called {word!r}; {_hint(word, names, known)}")
        chosen.update(named)
    return [name for name in names if not chosen.isdisjoint(_with_blocks(name))]


def _vocabulary(names: Sequence[str]) -> dict[str, list[str]]:
    """Return what every word means. Where two meanings share a word, the more exact one wins."""
    by_type: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_type[_type(name)].append(name)
    known = {name: [name] for name in names}
    known |= {
        name.partition("_")[0].lstrip("0") or "0": [name] for name in names if "/" not in name
    }
    for kind, alike in by_type.items():
        known.setdefault(kind, alike)
    for shorten in (False, True):
        for kind, alike in by_type.items():
            stem = kind.removesuffix("2d") if shorten else kind
            for number, name in enumerate(alike, start=1):
                known.setdefault(f"{stem}{number}", [name])
    return known


def _type(name: str) -> str:
    """Return `conv2d` for `03_residual/branch/00_conv2d`."""
    return name.rpartition("/")[2].partition("_")[2]


def _with_blocks(name: str) -> list[str]:
    """Return a layer's name and those of the blocks around it."""
    parts = name.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1)]


def _hint(word: str, names: Sequence[str], known: dict[str, list[str]]) -> str:
    """Return what could have been meant, as the end of a sentence."""
    if word.isdecimal():
        last = sum("/" not in name for name in names) - 1
        return f"the network has the layers 0 to {last}"
    words = [other for other in known if not other.isdecimal()]
    return suggestion(word, words if nearest_names(word, words) else names)

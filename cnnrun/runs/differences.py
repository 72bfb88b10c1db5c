"""What differs between configurations, by meaning: layers are matched by what they are.

Where networks have the same kinds of layers in the same order, a layer is named by its place, as in
`network[0].conv2d.filters`. Where they do not, the layers of one kind are counted from 1 over all
the networks, as in `network.conv2d#2.filters`, and one that only some have is a row of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

__all__ = ["differences"]

Part = tuple[str, dict[str, Any]]
"""A layer, an optimizer, ...: its kind and its options."""


def differences(values: Sequence[Any], path: str = "") -> dict[str, list[Any]]:
    """Return what differs between the documents of several runs, by path; None where one has none.

    A layer that only some have is given with its options, an optimizer or data set of another kind
    by its kind, and then option by option.
    """
    if all(value == values[0] for value in values):
        return {}
    present = [value for value in values if value is not None]
    parts = [_part(value) for value in values]
    kinds = {part[0] for part in parts if part is not None}
    if all(isinstance(value, list) for value in present):
        if any(isinstance(item, dict) for value in present for item in value):
            return _of_lists([value or [] for value in values], path)
        return {path: list(values)}
    if len(present) == len(values) and None not in parts and len(kinds) > 1:
        rows = {path: [part[0] if part else None for part in parts]}
        options = [part[1] if part else {} for part in parts]
        return {**rows, **_of_options(options, path)}
    if all(isinstance(value, dict) for value in present):
        return _of_options([value or {} for value in values], path)
    return {path: list(values)}


def _of_options(values: Sequence[dict[str, Any]], path: str) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {}
    for key in dict.fromkeys(key for value in values for key in value):
        inner = f"{path}.{key}" if path else key
        rows |= differences([value.get(key) for value in values], inner)
    return rows


def _of_lists(lists: Sequence[list[Any]], path: str) -> dict[str, list[Any]]:
    """Return what differs between rows of layers, or of transforms."""
    rows: dict[str, list[Any]] = {}
    runs = [[_part(item) or (str(item), {}) for item in items] for items in lists]
    kinds = [[kind for kind, _ in parts] for parts in runs]
    if all(row == kinds[0] for row in kinds):
        for place, kind in enumerate(kinds[0]):
            options = [parts[place][1] for parts in runs]
            rows |= differences(options, f"{path}[{place}].{kind}")
        return rows
    slots: list[list[Part | None]] = [[part] for part in runs[0]]
    for before, parts in enumerate(runs[1:], 1):
        slots = _aligned(slots, parts, before)
    seen: Counter[str] = Counter()
    for slot in slots:
        kind = _first(slot)[0]
        seen[kind] += 1
        name = f"{path}.{kind}#{seen[kind]}"
        if None in slot:
            rows[name] = [part[1] if part else None for part in slot]
        else:
            rows |= differences([part[1] if part else {} for part in slot], name)
    return rows


def _aligned(
    slots: list[list[Part | None]], parts: list[Part], before: int
) -> list[list[Part | None]]:
    """Return the slots of `before` runs with another run's parts beside those that they match.

    All stay in order. Of all ways to match it is the one with the most parts of one kind, and of
    these the one with the most alike.
    """
    best = [[0.0] * (len(parts) + 1) for _ in range(len(slots) + 1)]  # of what follows each place
    for i in reversed(range(len(slots))):
        for j in reversed(range(len(parts))):
            matched = _likeness(_first(slots[i]), parts[j])
            both = matched + best[i + 1][j + 1] if matched else 0.0
            best[i][j] = max(best[i + 1][j], best[i][j + 1], both)
    joined: list[list[Part | None]] = []
    i = j = 0
    while i < len(slots) or j < len(parts):
        if i < len(slots) and j < len(parts):
            matched = _likeness(_first(slots[i]), parts[j])
            if matched and best[i][j] == matched + best[i + 1][j + 1]:
                joined.append([*slots[i], parts[j]])
                i, j = i + 1, j + 1
                continue
        if j == len(parts) or (i < len(slots) and best[i][j] == best[i + 1][j]):
            joined.append([*slots[i], None])
            i += 1
        else:
            joined.append([*[None] * before, parts[j]])
            j += 1
    return joined


def _likeness(one: Part, other: Part) -> float:
    """Return 0 for two kinds, else 1 and up to a hundredth more for options that are the same."""
    if one[0] != other[0]:
        return 0.0
    keys = one[1].keys() | other[1].keys()
    same = sum(one[1].get(key) == other[1].get(key) for key in keys)
    return 1 + 0.01 * (same / len(keys) if keys else 1)


def _first(slot: list[Part | None]) -> Part:
    return next(part for part in slot if part is not None)


def _part(value: Any) -> Part | None:
    """Return the kind and options of `relu` or `{conv2d: {filters: 8}}`; None for anything else."""
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and len(value) == 1:
        kind, options = next(iter(value.items()))
        if isinstance(options, dict):
            return kind, options
    return None

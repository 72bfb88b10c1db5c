"""Finds images that stand in a data set twice: to the pixel, nearly, mirrored or turned."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from cnnrun.data.checks.findings import Finding, Pair, PairKind
from cnnrun.data.checks.likeness import likeness
from cnnrun.data.checks.pool import Pool
from cnnrun.data.checks.search import close_pairs
from cnnrun.data.checks.signatures import SMALLEST, digests, spectra
from cnnrun.engine.types import Array

__all__ = ["check_copies"]

BLANK = 1 / 255
"""A contrast below which an image shows nothing."""
DISTANCE, SMALL_DISTANCE, SMALL = 0.13, 0.20, 16
"""How far apart the looks of near copies are at most; farther for images of less than 16 pixels a
side, of which a shift by one moves more. 99% of planted copies were within it (docs/data_check.md).
"""
MOST_CANDIDATES = 1_000_000
MOST_COPIES = 20
"""Of two images with so many copies each it is not asked whether they are copies, too."""
KINDS: dict[PairKind, tuple[str, str]] = {
    "exact": ("copies", "a copy to the pixel"),
    "near": ("near_copies", "a near copy"),
    "turned": ("turned_copies", "a mirrored or turned copy"),
}


def check_copies(pool: Pool) -> list[Finding]:
    """Return what images have copies, which of these disagree, and which images are blank."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    blank, looks = [], []
    number = 0
    comparable = min(pool.shape[:2]) >= SMALLEST
    for pixels, images in pool.chunks():
        contrast = images.std(axis=(1, 2)).max(axis=1)
        if comparable:
            looks.append(spectra(images))
        for offset, digest in enumerate(digests(pixels)):
            if contrast[offset] < BLANK:
                blank.append(number + offset)
            else:
                groups[digest].append(number + offset)
        number += len(pixels)
    pairs = [
        _pair(pool, "exact", first, other, 0.0)
        for first, *others in groups.values()
        for other in others
    ]
    findings: list[Finding] = []
    if comparable:
        one_each = np.array([group[0] for group in groups.values()], np.int64)
        near, findings = _near_pairs(pool, one_each, np.concatenate(looks))
        pairs += near
    return [*_told(pairs), *findings, *_blank(pool, blank)]


def _near_pairs(pool: Pool, numbers: Array, looks: Array) -> tuple[list[Pair], list[Finding]]:
    """Return the near copies among some images, and what is told of a search that was cut short."""
    limit = DISTANCE if min(pool.shape[:2]) >= SMALL else SMALL_DISTANCE
    pairs: list[Pair] = []
    # By image, how many copies it has in its own split, and in others.
    have = np.zeros((2, len(pool)), np.int64)
    compared, many = 0, False
    for i, j in close_pairs(looks[numbers], limit):
        firsts, seconds = np.sort([numbers[i], numbers[j]], axis=0)
        # Eighteen versions of every pair are laid over each other.
        for start in range(0, len(firsts), step := max(1, pool.at_once // 4)):
            first, second = firsts[start : start + step], seconds[start : start + step]
            across = (pool.places(first) != pool.places(second)).astype(int)
            wanted = (have[across, first] < MOST_COPIES) | (have[across, second] < MOST_COPIES)
            many |= not wanted.all()
            first, second, across = first[wanted], second[wanted], across[wanted]
            if not len(first):
                continue
            like = likeness(pool.read(first), pool.read(second))
            for place in np.flatnonzero(like.alike):
                kind: PairKind = "turned" if like.turned[place] else "near"
                one, other = int(first[place]), int(second[place])
                pairs.append(_pair(pool, kind, one, other, float(like.difference[place])))
                have[across[place], [one, other]] += 1
            compared += len(first)
        if compared > MOST_CANDIDATES:
            return pairs, [_stopped()]
    return pairs, [_unlisted()] if many else []


def _pair(pool: Pool, kind: PairKind, first: int, second: int, difference: float) -> Pair:
    conflict = False
    if pool.task in ("classification", "multi_label"):
        conflict = kind != "turned" and bool(np.any(pool.label(first) != pool.label(second)))
    elif pool.task == "regression" and kind == "exact":
        conflict = not np.allclose(pool.label(first), pool.label(second))
    samples = pool.sample(first), pool.sample(second)
    return Pair(kind, *samples, round(difference, 4), conflict)


def _told(pairs: list[Pair]) -> list[Finding]:
    """Return findings that pairs make: by kind and splits, and those whose labels disagree."""
    findings = []
    pairs = sorted(pairs, key=lambda pair: pair.difference)
    together: dict[tuple[PairKind, str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        together[pair.kind, pair.first.split, pair.second.split].append(pair)
    kinds = [*KINDS]
    for kind, first, second in sorted(together, key=lambda key: kinds.index(key[0])):
        group = together[kind, first, second]
        name, copy = KINDS[kind]
        inside = first == second
        concerned = {sample for pair in group for sample in ((pair.first,) if inside else ())}
        count = len(concerned | {pair.second for pair in group})
        where = "the same split" if inside else first
        message = f"{_images(count)} of {second} with {copy} in {where}"
        error = first == "train" and not inside and kind != "turned"
        findings.append(
            Finding(
                "error" if error else "warning",
                name if inside else f"{name}_across",
                message,
                count,
                tuple(group),
            )
        )
    if conflicts := [pair for pair in pairs if pair.conflict]:
        count = len({sample for pair in conflicts for sample in (pair.first, pair.second)})
        message = f"{_images(count)} with another label than a copy of the same image"
        findings.append(Finding("error", "conflicting_labels", message, count, tuple(conflicts)))
    return findings


def _blank(pool: Pool, blank: list[int]) -> list[Finding]:
    if not blank:
        return []
    message = f"{_images(len(blank))} with nothing in sight: all pixels are alike"
    samples = tuple(pool.sample(number) for number in blank)
    return [Finding("warning", "blank_images", message, len(blank), samples)]


def _stopped() -> Finding:
    message = (
        f"more than {MOST_CANDIDATES:,} pairs look alike: those after them were not compared, so "
        "that there may be more near copies"
    )
    return Finding("note", "search_stopped", message, MOST_CANDIDATES)


def _unlisted() -> Finding:
    message = (
        f"there are images with {MOST_COPIES} near copies and more; not every pair of these is told"
    )
    return Finding("note", "many_copies", message, MOST_COPIES)


def _images(count: int) -> str:
    return f"{count:,} image{'s' if count != 1 else ''}"

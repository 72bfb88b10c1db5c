"""Which options an .npz file needs, as far as its arrays themselves tell."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from cnnrun.data.npz_file import NpzFile
from cnnrun.data.npz_keys import Keys, Learnt, recognised
from cnnrun.errors import DataError

__all__ = ["fitting_options"]

DEPTHS = (255, 1023, 4095, 16383, 65535)
"""The largest pixels of 8, 10, 12, 14 and 16 bits."""


def fitting_options(path: Path) -> tuple[dict[str, Any], str]:
    """Return the options of `npz` without which a file is not read, and why in a few words.

    They are `task`, where labels are no classes, and `maximum` or `range`, where pixels are none
    of 8 bits: those of the training images, all of which are read.

    Raises:
        DataError: the file is damaged, or has no arrays that could be images and labels.
    """
    file = NpzFile(path)
    learnt, (images, labels) = _learnt(file)
    options, why = _pixels(file, [images, labels] if learnt == "image" else [images])
    return options if learnt == "classification" else {"task": learnt, **options}, why


def _learnt(file: NpzFile) -> tuple[Learnt, Keys]:
    """Return what labels can be, classes rather than anything else, and the training split's keys.

    Raises:
        DataError: they can be nothing; why they are no classes.
    """
    refusals: list[DataError] = []
    kinds: tuple[Learnt, ...] = ("classification", "regression", "image")
    for learnt in kinds:
        try:
            keys = recognised(file, learnt)["train"]
        except DataError as error:
            refusals.append(error)
            continue
        if learnt != "classification" or _are_classes(file, keys[1]):
            return learnt, keys
    raise refusals[0]


def _are_classes(file: NpzFile, key: str) -> bool:
    """Return whether labels of a fitting shape are: columns of them hold zeros and ones alone."""
    shape = file.headers[key].shape
    if len(shape) == 1 or shape[1] == 1:
        return True
    return bool(np.isin(file.read(key), (0, 1)).all())


def _pixels(file: NpzFile, keys: list[str]) -> tuple[dict[str, Any], str]:
    """Return the option that says what these images' pixels mean, and why."""
    kind = file.headers[keys[0]].dtype.kind
    if kind == "b":
        return {}, ""
    ends = [(float(p.min()), float(p.max())) for key in keys for p in file.pieces(key)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    if not math.isfinite(low) or not math.isfinite(high):  # which the source says better
        return {}, ""
    if low >= 0 and high <= (1 if kind == "f" else DEPTHS[0]):
        return {}, ""
    why = f"training pixels from {low:g} to {high:g}"
    if low >= 0 and high <= DEPTHS[-1]:
        return {"maximum": next(depth for depth in DEPTHS if high <= depth)}, why
    if low >= -1 and high <= 1:
        return {"range": [-1, 1]}, why
    return {"range": [min(0, math.floor(low)), math.ceil(high)]}, why

"""Measures how alike two images are, pixel by pixel, when one may be moved, mirrored or turned."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cnnrun.data.checks.signatures import LARGEST, reduced
from cnnrun.engine.types import Array

__all__ = ["Likeness", "likeness"]

SHARE = 0.10
"""Of the contrast, which the difference of near copies stays below."""
FAINT, FAINT_SHARE = 6 / 255, 0.2
"""A difference that noise and JPEG make: below so much of white, and so much of the contrast."""
TURNED = 0.5
"""The share of these differences that is allowed to mirrored and turned copies: of eight positions
one often fits by chance, for trousers above all.
"""
GAIN = 2.0
"""How many times the contrast of one image near copies may have."""


class Likeness(NamedTuple):
    """How alike pairs of images are, an entry a pair.

    Attributes:
        difference: what remains of one image when the other is laid over it as well as it can be,
            as a share of the contrast: 0 for copies, 1 for images that have nothing in common.
        alike: whether one is a near copy of the other.
        turned: whether it is that only after being mirrored or turned.
    """

    difference: Array
    alike: Array
    turned: Array


def likeness(first: Array, second: Array) -> Likeness:
    """Compare images `(N, H, W, C)` from 0 to 1, pair by pair.

    The second may be moved by a pixel in any direction, brighter, darker, of more or less contrast.
    Pixels at the border are left out, as those of a moved image come from outside.
    """
    height, width = first.shape[1:3]
    poses = _poses(first[:, 1:-1, 1:-1])  # (N, P, D)
    moved = np.stack(
        [
            _flat(second[:, top : top + height - 2, left : left + width - 2])
            for top, left in np.ndindex(3, 3)
        ],
        axis=1,
    )  # (N, 9, D)
    contrasts = [_contrast(group) for group in (poses, moved)]
    for group, contrast in zip((poses, moved), contrasts, strict=True):
        group /= np.maximum(contrast, 1e-6)[:, :, None]
    same = np.clip(poses @ moved.transpose(0, 2, 1) / poses.shape[2], -1, 1)  # (N, P, 9)
    differences = np.sqrt(1 - np.maximum(same, 0) ** 2)
    levels = np.maximum(*np.broadcast_arrays(contrasts[0][:, :, None], contrasts[1][:, None, :]))
    ratio = contrasts[0][:, :, None] / np.maximum(contrasts[1][:, None, :], 1e-6)
    strictness = np.where(np.arange(poses.shape[1]) == 0, 1, TURNED)[:, None]
    near = differences <= SHARE * strictness
    near |= (differences <= FAINT_SHARE * strictness) & (differences * levels <= FAINT * strictness)
    near &= (ratio <= GAIN) & (ratio >= 1 / GAIN)
    # Where a pose is near, its difference counts, and as it stands before mirrored and turned.
    best = np.where(near, differences, 2 + differences).reshape(len(first), -1, 9).min(axis=2)
    as_it_is = best[:, 0] <= 1
    best = np.where(as_it_is, best[:, 0], best.min(axis=1))
    alike = best <= 1
    return Likeness(np.where(alike, best, best - 2), alike, alike & ~as_it_is)


def _poses(images: Array) -> Array:
    """Return every image as it is, mirrored and turned; by 90 degrees only where it is square."""
    square = images.shape[1] == images.shape[2]
    poses = []
    for turns in range(0, 4, 1 if square else 2):
        turned = np.rot90(images, turns, axes=(1, 2))
        poses += [_flat(turned), _flat(turned[:, :, ::-1])]
    return np.stack(poses, axis=1)


def _flat(images: Array) -> Array:
    """Return images as vectors with mean 0, reduced to a size at which details are averaged out."""
    height, width = (min(LARGEST, size) for size in images.shape[1:3])
    vectors = reduced(images, height, width).reshape(len(images), -1)
    centred: Array = vectors - vectors.mean(axis=1, keepdims=True)
    return centred


def _contrast(vectors: Array) -> Array:
    contrast: Array = np.sqrt(np.square(vectors).mean(axis=2))
    return contrast

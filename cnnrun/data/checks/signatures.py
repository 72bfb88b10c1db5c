"""Two signatures of an image: a digest of its pixels, and what it looks like.

The second is a perceptual hash of a kind: the strengths of the 80 lowest frequencies. Those of a
near copy are nearly the same: of one that is brighter, compressed, noisy or moved by a pixel, and
of one that is mirrored or turned. Unlike the bits of other perceptual hashes they are numbers, so
that a distance of two images says more than how many signs differ.
"""

from __future__ import annotations

import hashlib

import numpy as np

from cnnrun.engine.types import Array

__all__ = ["LARGEST", "SMALLEST", "digests", "reduced", "spectra"]

LARGEST = 32
"""Pixels a side that images are reduced to before they are compared."""
SMALLEST = 6
"""Pixels a side below which a look says too little."""
FREQUENCIES = 8


def digests(images: Array) -> list[bytes]:
    """Return a digest of every image's pixels; those of copies are equal, and no others."""
    return [
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        for image in images
    ]


def reduced(images: Array, height: int, width: int) -> Array:
    """Return `(N, H, W, ...)` images averaged down to `height` x `width`, float32."""
    result: Array = images.astype(np.float32, copy=False)
    for axis, size in ((1, height), (2, width)):
        length = result.shape[axis]
        if size < length:
            starts = np.rint(np.arange(size) * (length / size)).astype(int)
            counts = np.diff([*starts, length]).astype(np.float32)
            shape = (1, *(size if place == axis else 1 for place in range(1, result.ndim)))
            result = np.add.reduceat(result, starts, axis=axis) / counts.reshape(shape)
    return result


def spectra(images: Array) -> Array:
    """Return what `(N, H, W, C)` images look like: `(N, D)` vectors of length 1.

    Seen through a window that fades towards the borders, the square roots of the absolute Fourier
    coefficients hardly change when an image is moved, and not at all with its brightness and
    contrast. Mirroring and turning by 90 degrees swap four of them, which are therefore sorted.
    """
    side = min(LARGEST, *images.shape[1:3])
    grey = reduced(images, side, side).mean(axis=3)  # (N, S, S)
    fade = np.sin(np.pi * (np.arange(side, dtype=np.float32) + 0.5) / side)
    window = fade[:, None] * fade
    grey = (grey - (grey * window).sum((1, 2), keepdims=True) / window.sum()) * window
    most = min(FREQUENCIES, (side - 1) // 2)
    angles = 2 * np.pi / side * np.arange(most + 1)[:, None] * np.arange(side)
    waves = np.concatenate([np.cos(angles), np.sin(angles)]).astype(np.float32)  # (2F, S)
    parts = waves @ grey @ waves.T  # (2F, S) @ (N, S, S) @ (S, 2F)
    half = most + 1
    cos_cos, cos_sin = parts[:, :half, :half], parts[:, :half, half:]
    sin_cos, sin_sin = parts[:, half:, :half], parts[:, half:, half:]
    along = np.hypot(cos_cos - sin_sin, cos_sin + sin_cos)  # |F(u, v)|
    against = np.hypot(cos_cos + sin_sin, cos_sin - sin_cos)  # |F(u, -v)|
    swapped = along.transpose(0, 2, 1), against.transpose(0, 2, 1)
    u, v = (index[1:] for index in np.tril_indices(half))  # without the mean
    strengths = np.sort(np.stack([along, against, *swapped], axis=-1)[:, u, v], axis=-1)
    vectors = np.sqrt(strengths).reshape(len(images), -1)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Array = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit

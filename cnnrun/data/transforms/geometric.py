"""Transforms that move pixels; what comes in from outside the image is 0."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin
from typing import Annotated, ClassVar

import numpy as np

from cnnrun.data.transforms.base import TRANSFORMS, Transform
from cnnrun.engine.types import Array, Fraction, PositiveInt, Range, UnitInterval

__all__ = ["Crop", "HorizontalFlip", "Rotate", "Shift", "VerticalFlip", "Zoom"]


class _Geometric(Transform):
    """Moves pixels, and those of an image that is to be learnt with them."""

    moves_pixels: ClassVar[bool] = True


@TRANSFORMS.register("shift")
@dataclass(frozen=True)
class Shift(_Geometric):
    """Moves the image by up to `pixels` along each axis, whole pixels."""

    pixels: PositiveInt = 2

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        return _moved(image, _offset(self.pixels, rng), _offset(self.pixels, rng))


@TRANSFORMS.register("crop")
@dataclass(frozen=True)
class Crop(_Geometric):
    """Pads by `padding` on every side and cuts the image's size out again, anywhere."""

    padding: PositiveInt = 4

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        return _moved(image, _offset(self.padding, rng), _offset(self.padding, rng))


@TRANSFORMS.register("horizontal_flip")
@dataclass(frozen=True)
class HorizontalFlip(_Geometric):
    """Exchanges left and right."""

    probability: UnitInterval = 0.5

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        return image[:, ::-1]


@TRANSFORMS.register("vertical_flip")
@dataclass(frozen=True)
class VerticalFlip(_Geometric):
    """Exchanges top and bottom."""

    probability: UnitInterval = 0.5

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        return image[::-1]


@TRANSFORMS.register("rotate")
@dataclass(frozen=True)
class Rotate(_Geometric):
    """Turns the image about its centre by up to `degrees` either way."""

    degrees: Annotated[float, Range(gt=0, le=360)] = 10.0

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        angle = radians(rng.uniform(-self.degrees, self.degrees))
        return _resampled(image, cos(angle), sin(angle))


@TRANSFORMS.register("zoom")
@dataclass(frozen=True)
class Zoom(_Geometric):
    """Scales the image about its centre by a factor between 1 - `amount` and 1 + `amount`."""

    amount: Fraction = 0.1

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        return _resampled(image, 1 / rng.uniform(1 - self.amount, 1 + self.amount), 0.0)


def _offset(most: int, rng: np.random.Generator) -> int:
    """Return a whole number from -most to most; a tenth of the time of `rng.integers`."""
    return int((2 * most + 1) * rng.random()) - most


def _moved(image: Array, down: int, right: int) -> Array:
    """Return the image moved by whole pixels."""
    height, width, _ = image.shape
    moved = np.zeros_like(image)
    if abs(down) < height and abs(right) < width:
        moved[max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = image[
            max(-down, 0) : height - max(down, 0), max(-right, 0) : width - max(right, 0)
        ]
    return moved


def _resampled(image: Array, along: float, across: float) -> Array:
    """Return the image read at a rotated and scaled grid about its centre, bilinearly.

    The pixel (y, x) from the centre is read at (along y + across x, along x - across y).
    """
    height, width, channels = image.shape
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2
    x = np.arange(width, dtype=np.float32)[None, :] - (width - 1) / 2
    # One pixel of zeros all around answers for everything outside.
    rows = np.clip(along * y + across * x + (height + 1) / 2, 0, height + 1)
    columns = np.clip(along * x - across * y + (width + 1) / 2, 0, width + 1)
    framed = np.zeros((height + 3, width + 3, channels), image.dtype)
    framed[1 : height + 1, 1 : width + 1] = image
    top, left = rows.astype(np.intp), columns.astype(np.intp)
    down = (rows - top)[..., None].astype(image.dtype)
    right = (columns - left)[..., None].astype(image.dtype)
    # Taking from a flat list of pixels (P, C) is faster than indexing by two arrays.
    pixels, corner, stride = framed.reshape(-1, channels), top * (width + 3) + left, width + 3
    upper = _between(pixels[corner], pixels[corner + 1], right)
    lower = _between(pixels[corner + stride], pixels[corner + stride + 1], right)
    return _between(upper, lower, down)


def _between(start: Array, end: Array, share: Array) -> Array:
    """Return start + share (end - start); unlike a weighted sum it never leaves their range."""
    result: Array = start + (end - start) * share
    return result

"""Checks of what files say: the shape of images, the range of pixels, the numbers of classes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnnrun.data.pixel_range import PixelRange
from cnnrun.data.rows import Images, in_pieces
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = [
    "Axes",
    "channels_last",
    "checked_pixels",
    "class_numbers",
    "image_shape",
    "mask_pixels",
    "require_visible",
]

Axes = Literal["NHWC", "NCHW"]
CHANNELS = (1, 3, 4)
"""Of a grey image, a colour image, and one with transparency."""


def image_shape(shape: tuple[int, ...], axes: Axes | None, where: str) -> tuple[int, int, int]:
    """Return height, width and channels of images `(N, H, W)`, `(N, H, W, C)` or `(N, C, H, W)`.

    Raises:
        DataError: they have other axes, or none; or they may be channels first, and `axes` does
            not say whether they are. The message opens with `where`.
    """
    if len(shape) not in (3, 4) or 0 in shape:
        raise DataError(
            f"{where} has shape {shape}; images are (N, H, W) or (N, H, W, C), none of them 0"
        )
    _, *sizes = shape
    if len(sizes) == 2:
        return sizes[0], sizes[1], 1
    first, second, third = sizes
    if axes is None and first in CHANNELS and third not in CHANNELS:
        raise DataError(
            f"{where} has shape {shape}, which looks like channels first, and would be read as "
            f"{first} pixels high with {third} channels; say axes: NCHW if they are "
            f"{second}x{third} with {first} channels, or axes: NHWC if not"
        )
    return (second, third, first) if axes == "NCHW" else (first, second, third)


def channels_last(images: Array, axes: Axes | None) -> Array:
    """Return images of a shape that `image_shape` has checked as `(N, H, W, C)`."""
    if images.ndim == 3:
        return images[..., None]
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)) if axes == "NCHW" else images


def checked_pixels(
    images: Array,
    pixels: PixelRange,
    where: str,
    hint: str = "set maximum if another value means 1",
    *,
    first: int = 0,
) -> Array:
    """Return images as uint8 if that holds them, else as float32, clipped if the range says so.

    Raises:
        DataError: a pixel is out of range; the message opens with `where`, and ends with `hint`;
            the first of the images has the number `first`.
    """
    low, high, clipped = pixels
    if images.dtype != np.uint8 or high < 255:
        bad = pixels.outside(images)
        if bad.any():
            index = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
            place = [first + index[0], *index[1:]]
            rule = pixels.rule if clipped else f"{pixels.rule} ({hint})"
            raise DataError(f"{where}{place} is {images[index]}; pixels of {images.dtype} {rule}")
    whole = images.dtype.kind != "f" and low >= 0 and high <= 255 and not clipped
    taken = images.astype(np.uint8 if whole else np.float32, copy=False)
    return np.clip(taken, low, high) if clipped else taken


def mask_pixels(masks: Array, pixels: PixelRange) -> Array:
    """Return images to be learnt, booleans as the pixels that mean 0 and 1 in their inputs."""
    if masks.dtype.kind == "b":
        kind = np.uint8 if pixels.low >= 0 and pixels.high <= 255 else np.float32
        return np.where(masks, pixels.high, pixels.low).astype(kind)
    return masks


def require_visible(images: Images, pixels: PixelRange, where: str) -> None:
    """Refuse images to be learnt that are nearly black.

    Raises:
        DataError: they are integers 0 and 1, where another value, such as 255, means 1.
    """
    if images.dtype.kind not in "ui" or pixels.high <= 1:
        return
    largest = max((int(images[part].max()) for part in in_pieces(images)), default=0)
    if 0 < largest <= 1:
        raise DataError(
            f"{where} holds nothing but 0 and 1, where {pixels.high:g} means 1; write masks as "
            f"{pixels.low:g} and {pixels.high:g}, or as booleans"
        )


def class_numbers(
    labels: dict[str, Array], class_names: tuple[str, ...], first: int = 0
) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Return the names of the classes, numbers where none are given, and labels from 0.

    Args:
        labels: whole numbers `(N,)` by what messages call them, the training labels first.
        class_names: by which there are as many classes; else the training labels say how many.
        first: the label of the first class.

    Raises:
        DataError: a label is of no class, or there is one class alone.
    """
    source, training = next(iter(labels.items()))
    used = np.unique(training[training >= first])
    if len(used) == 1 and training.min() >= first and not class_names:
        raise DataError(
            f"{source}: one class only ({used[0]}); there must be two or more, or one that "
            "class_names names, for images without classes"
        )
    classes = len(class_names) or len(used)
    rule = "one for each of class_names" if class_names else "without a gap in training"
    for where, numbers in labels.items():
        if len(bad := np.flatnonzero((numbers < first) | (numbers >= first + classes))):
            from_one = first == 0 and int(training.min()) == 1
            hint = "; say first_label: 1 if they count from 1" if from_one else ""
            raise DataError(
                f"{where}[{bad[0]}] is {numbers[bad[0]]}; the labels of {classes} classes are "
                f"{first} to {first + classes - 1}, {rule}{hint}"
            )
    names = class_names or tuple(str(first + label) for label in range(classes))
    return names, {where: numbers.astype(np.int64) - first for where, numbers in labels.items()}

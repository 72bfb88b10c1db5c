"""Checks of what files say: the shape of images, the range of pixels, the numbers of classes."""

from __future__ import annotations

from typing import Literal

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["Axes", "channels_last", "checked_pixels", "class_numbers", "image_shape"]

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


def checked_pixels(images: Array, maximum: float, where: str) -> Array:
    """Return images as uint8 if that holds them, else as float32.

    Raises:
        DataError: a pixel is not between 0 and `maximum`; the message opens with `where`.
    """
    if images.dtype != np.uint8 or maximum < 255:
        bad = ~((images >= 0) & (images <= maximum))  # not a number is neither
        if bad.any():
            index = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
            raise DataError(
                f"{where}{list(index)} is {images[index]}; pixels of {images.dtype} lie between 0 "
                f"and {maximum:g} (set maximum if another value means 1)"
            )
    whole = images.dtype.kind != "f" and maximum <= 255
    return images.astype(np.uint8 if whole else np.float32, copy=False)


def class_numbers(
    labels: dict[str, Array], class_names: tuple[str, ...], first: int = 0
) -> tuple[tuple[str, ...], dict[str, Array]]:
    """Return the names of the classes, numbers where none are given, and labels from 0.

    Args:
        labels: whole numbers `(N,)` by what messages call them, the training labels first.
        class_names: by which there are as many classes; else the training labels say how many.
        first: the label of the first class.

    Raises:
        DataError: a label is of no class.
    """
    training = next(iter(labels.values()))
    used = np.unique(training[training >= first])
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

"""Reads image files: as bytes of the wanted size and channels, or not at all."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["SUFFIXES", "image_size", "load_images", "read_image"]

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
MAXIMUM_PIXELS = 64_000_000


def image_size(path: Path) -> tuple[int, int, int]:
    """Return (height, width, channels) from a file's header; channels are 1 or 3.

    Raises:
        DataError: it is not a readable image, or larger than 64 megapixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # checked below
            with Image.open(path) as image:
                width, height = image.size
                grey = image.mode in ("1", "L", "I", "I;16", "F", "LA")
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: not a readable image ({error})") from None
    if width * height > MAXIMUM_PIXELS:
        raise DataError(f"{path}: {width}x{height} pixels; the limit is {MAXIMUM_PIXELS:,}")
    return height, width, 1 if grey else 3


def read_image(path: Path, channels: int, size: tuple[int, int] | None = None) -> Array:
    """Return an image as uint8 `(H, W, channels)`, scaled to `size` (height, width) if given.

    Raises:
        DataError: it cannot be read.
    """
    from PIL import Image

    image_size(path)  # refuses what is too large before it is decoded
    try:
        with Image.open(path) as image:
            converted = image.convert("L" if channels == 1 else "RGB")
            if size is not None and converted.size != (size[1], size[0]):
                converted = converted.resize((size[1], size[0]), Image.Resampling.BILINEAR)
            pixels = np.asarray(converted, np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path}: not a readable image ({error})") from None
    return pixels.reshape(*pixels.shape[:2], channels)


def load_images(
    paths: list[Path], shape: tuple[int, int, int], *, resize: bool = False
) -> Array:
    """Return image files as float32 `(N, H, W, C)` in [0, 1].

    Args:
        paths: the files.
        shape: the height, width and channels that are wanted; colours are converted.
        resize: scale other sizes instead of refusing them.

    Raises:
        DataError: a file cannot be read, or has another size.
    """
    height, width, channels = shape
    images = np.empty((len(paths), *shape), np.float32)
    for image, path in zip(images, paths, strict=True):
        found = image_size(path)
        if found[:2] != (height, width) and not resize:
            raise DataError(
                f"{path}: {found[0]}x{found[1]} pixels (height x width), the network takes "
                f"{height}x{width}; scale it with --resize"
            )
        np.divide(read_image(path, channels, (height, width)), 255, out=image)
    return images

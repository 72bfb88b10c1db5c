"""Reads and writes image files of 8-bit pixels; refuses damaged ones, and sizes that do not fit."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cnnrun.data.dataset import require_memory
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SUFFIXES", "image_size", "load_images", "read_image", "write_image"]

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
# By content, whatever the suffix says. Pillow knows more, some of which start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAXIMUM_PIXELS = 64_000_000
GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16L", "I;16B", "I;16N"})


def image_size(path: Path) -> tuple[int, int, int]:
    """Return (height, width, channels) from a file's header; channels are 1 or 3.

    Raises:
        DataError: it is not a readable image, or larger than 64 megapixels.
    """
    with _opened(path) as image:
        return image.height, image.width, 1 if image.mode in GREY_MODES else 3


def read_image(path: Path, shape: tuple[int, int, int], *, resize: bool = False) -> Array:
    """Return the first picture of a file as uint8 of the shape `(H, W, C)`, C being 1 or 3.

    Colours become grey, and grey colours, as `shape` wants it; 16 bits of grey become 8; what is
    transparent keeps the colour that lies under it.

    Args:
        path: the file.
        shape: height, width and channels.
        resize: scale an image of another size, bilinearly, instead of refusing it.

    Raises:
        DataError: it cannot be read, or has another size.
    """
    from PIL import Image

    height, width, channels = shape
    if channels not in (1, 3):
        raise DataError(f"{path}: an image file has 1 or 3 channels, never {channels}")
    with _opened(path) as image:
        if image.size != (width, height) and not resize:
            raise DataError(
                f"{path}: the image has {image.height}x{image.width} pixels (height x width), not "
                f"{height}x{width}"
            )
        converted = _eight_bits(image).convert("L" if channels == 1 else "RGB")
        if converted.size != (width, height):
            converted = converted.resize((width, height), Image.Resampling.BILINEAR)
        return np.array(converted, np.uint8).reshape(shape)


def load_images(paths: list[Path], shape: tuple[int, int, int], *, resize: bool = False) -> Array:
    """Return image files as float32 `(N, H, W, C)` in [0, 1].

    Args:
        paths: the files.
        shape: the height, width and channels that are wanted; colours are converted.
        resize: scale other sizes instead of refusing them.

    Raises:
        DataError: a file cannot be read, or has another size.
    """
    require_memory("images", (len(paths), *shape), 4)
    images = np.empty((len(paths), *shape), np.float32)
    for image, path in zip(images, paths, strict=True):
        np.divide(read_image(path, shape, resize=resize), 255, out=image, casting="unsafe")
    return images


def write_image(path: Path, pixels: Array, maximum: float) -> bool:
    """Write a PNG file of one image; return whether reading it gives back the very same pixels.

    Args:
        path: the file; one that is there is replaced.
        pixels: `(H, W, C)` between 0 and `maximum`; what 8 bits cannot hold is rounded.
        maximum: the pixel value that means 1.0, and becomes 255.

    Raises:
        DataError: the image has not 1 or 3 channels.
    """
    from PIL import Image

    channels = pixels.shape[2]
    if channels not in (1, 3):
        raise DataError(f"{path}: an image file has 1 or 3 channels, never {channels}")
    scaled = pixels.astype(np.float64) * (255 / maximum)
    levels = scaled.round().astype(np.uint8)
    Image.fromarray(levels[:, :, 0] if channels == 1 else levels).save(path, "PNG")
    return bool((levels == scaled).all())


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open an image whose size has been checked; anything that goes wrong becomes a DataError."""
    from PIL import Image, UnidentifiedImageError

    try:
        # Pillow warns of large images, which are refused here, and of odd palettes.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as image:
                if image.width * image.height > MAXIMUM_PIXELS:
                    raise DataError(
                        f"{path}: {image.height}x{image.width} pixels; the limit is "
                        f"{MAXIMUM_PIXELS:,}"
                    )
                yield image
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not an image of a known kind ({', '.join(FORMATS)})") from None
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
        raise DataError(f"{path}: not a readable image ({error})") from error


def _eight_bits(image: Image) -> Image:
    """Return an image of 8 bits a channel; Pillow would cut 16 bits off at 255."""
    from PIL import Image

    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image)
    if pixels.min() < 0 or pixels.max() > 0xFFFF:
        raise ValueError("its pixels have 32 bits; save it with 8 or 16 bits")
    return Image.fromarray((pixels >> 8).astype(np.uint8))

"""Reads image files, 8 or 16 bits a pixel, as they are seen; writes them; refuses damaged ones."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = [
    "DEEP",
    "SUFFIXES",
    "Fit",
    "ImageHeader",
    "image_header",
    "read_image",
    "write_image",
]

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
# By content, whatever the suffix says. Pillow knows more, some of which start other programs.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
MAXIMUM_PIXELS = 64_000_000
Fit = Literal["stretch", "crop", "pad"]
"""How an image comes to another size: each side by itself; or with its proportions, the middle cut
out of it, or black added around it."""
DEEP = 0xFFFF
"""The largest pixel of 16 bits."""
ORIENTATION = 0x0112  # of EXIF; 5 to 8 lie on their side
GREY_MODES = frozenset({"1", "L", "LA", "I", "I;16", "I;16L", "I;16B", "I;16N"})


class ImageHeader(NamedTuple):
    """What a file's header tells of its image, as it is seen when its EXIF orientation is obeyed.

    Attributes:
        height, width: in pixels.
        channels: 1 for grey; 3 for colour, palettes too.
        bits: of a channel, 8 or 16.
    """

    height: int
    width: int
    channels: int
    bits: int


def image_header(path: Path) -> ImageHeader:
    """Return what a file's header tells.

    Raises:
        DataError: it is not a readable image, or larger than 64 megapixels.
    """
    with _opened(path) as image:
        height, width = image.height, image.width
        if image.format == "TIFF" and _orientation(image) >= 5:
            image.load()  # it is turned then, if not before: that depends on Pillow's version
            height, width = image.height, image.width
        # Asked for EXIF that is not in the header, Pillow would decode a PNG.
        elif "exif" in image.info and _orientation(image) >= 5:
            height, width = width, height
        channels = 1 if image.mode in GREY_MODES else 3
        return ImageHeader(height, width, channels, 16 if image.mode.startswith("I") else 8)


def read_image(
    path: Path, shape: tuple[int, int, int], *, maximum: float = DEEP, fit: Fit | None = None
) -> Array:
    """Return the first picture of a file, `(H, W, C)`: uint8, or uint16 for 16 bits of grey.

    Colours become grey, and grey colours, as `shape` wants it; what is transparent keeps the colour
    that lies under it. A photograph is turned as its EXIF orientation says.

    Args:
        path: the file.
        shape: height, width and channels, 1 or 3.
        maximum: the largest pixel that a file of 16 bits may have.
        fit: how to scale an image of another size, bilinearly; by default it is refused.

    Raises:
        DataError: it cannot be read, has another size, or a pixel above `maximum`.
    """
    from PIL import Image

    height, width, channels = shape
    if channels not in (1, 3):
        raise DataError(f"{path}: an image file has 1 or 3 channels, never {channels}")
    with _opened(path) as stored:
        if maximum != DEEP and _loses_bits(stored):
            raise DataError(
                f"{path}: colours of 16 bits a channel, of which 8 are read; a maximum of "
                f"{maximum:g} is for 16 bits of grey"
            )
        image = _upright(stored)
        if image.size != (width, height) and fit is None:
            raise DataError(
                f"{path}: the image has {image.height}x{image.width} pixels (height x width), not "
                f"{height}x{width}"
            )
        deep = image.mode.startswith("I")
        if deep:
            image = Image.fromarray(_sixteen_bits(image, path, maximum))  # numbers Pillow can scale
        else:
            image = image.convert("L" if channels == 1 else "RGB")
        if fit is not None and image.size != (width, height):
            image = _fitted(image, width, height, fit)
        if deep:
            grey = np.rint(np.asarray(image)).astype(np.uint16)[..., None]
            return np.repeat(grey, channels, axis=2)
        return np.array(image, np.uint8).reshape(shape)


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
            # By name, Pillow maps some files, and shears a TIFF that lies on its side.
            with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
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


def _orientation(image: Image) -> int:
    """Return a picture's EXIF orientation, 1 to 8; 1, upright, where that cannot be read."""
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF raises whatever it leads to, and says nothing of the pixels
        return 1


def _loses_bits(image: Image) -> bool:
    """Return whether an image that has not been decoded has 16 bits, of which Pillow drops 8."""
    tiles = getattr(image, "tile", ())  # each ends with how its pixels lie in the file
    return not image.mode.startswith("I") and any(";16" in str(tile[-1]) for tile in tiles)


def _upright(image: Image) -> Image:
    """Return an image as it is seen, which may be itself."""
    from PIL import ImageOps

    if image.mode == "F":
        raise ValueError("its pixels are floating-point numbers; save it with 8 or 16 bits")
    image.load()
    return ImageOps.exif_transpose(image) if _orientation(image) != 1 else image


def _fitted(image: Image, width: int, height: int, fit: Fit) -> Image:
    """Return an image of another size."""
    from PIL import Image, ImageOps

    method = Image.Resampling.BILINEAR
    if fit == "stretch":
        return image.resize((width, height), method)
    if fit == "crop":
        return ImageOps.fit(image, (width, height), method)
    scale = min(width / image.width, height / image.height)
    inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas = Image.new(image.mode, (width, height))
    canvas.paste(image.resize(inner, method), ((width - inner[0]) // 2, (height - inner[1]) // 2))
    return canvas


def _sixteen_bits(image: Image, path: Path, maximum: float) -> Array:
    """Return the pixels of a deep image as float32, which holds 16 bits exactly."""
    pixels = np.asarray(image)
    if pixels.min() < 0 or pixels.max() > DEEP:
        raise ValueError("its pixels have 32 bits; save it with 8 or 16 bits")
    if pixels.max() > maximum:
        raise DataError(
            f"{path}: its pixels reach {pixels.max()}; those of 16 bits lie between 0 and "
            f"{maximum:g}, the data set's maximum"
        )
    return pixels.astype(np.float32)

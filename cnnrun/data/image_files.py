"""Reads the image files of a data set; of those that cannot be read, all are named at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnrun.data.dataset import require_memory
from cnnrun.data.images import DEEP, Fit, ImageHeader, image_header, read_image
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = ["common_size", "load_images", "read_files", "read_headers", "require_one_depth"]

MOST_NAMED = 10
"""Files of which a message says what is wrong with them; of the others it says how many."""


def read_headers(files: Sequence[Path], what: str) -> dict[Path, ImageHeader]:
    """Return what each file's header tells; `what` is what a message calls the data set.

    Raises:
        DataError: there are files that cannot be read, to their last pixel if any header is wrong.
    """
    try:
        return {file: image_header(file) for file in files}
    except DataError:  # who repairs one wants to know of the others, too
        for _ in _each(files, _decode, what):
            pass
        raise  # the file was wrong a moment ago


def common_size(headers: Mapping[Path, ImageHeader], what: str) -> tuple[int, int]:
    """Return the height and width of all images.

    Raises:
        DataError: they differ; the most frequent sizes are named, each with a file.
    """
    sizes = Counter((header.height, header.width) for header in headers.values())
    ((height, width), _), *others = sizes.most_common()
    if others:
        first: dict[tuple[int, int], Path] = {}
        for file, header in headers.items():
            first.setdefault((header.height, header.width), file)
        named = ", ".join(
            f"{size[0]}x{size[1]} ({count:,}, such as {first[size]})"
            for size, count in sizes.most_common(4)
        )
        more = f" and {len(sizes) - 4:,} more" if len(sizes) > 4 else ""
        raise DataError(
            f"{what}: images of {len(sizes):,} sizes (height x width): {named}{more}; set size: "
            "[height, width] to bring all to one, and fit: crop or pad to keep their proportions"
        )
    return height, width


def require_one_depth(headers: Mapping[Path, ImageHeader], maximum: float) -> bool:
    """Return whether any image has 16 bits.

    Raises:
        DataError: some have 8, whose grey levels would not be whole numbers in such a data set.
    """
    depths = {header.bits: file for file, header in headers.items()}
    if len(depths) > 1 and maximum != DEEP:
        raise DataError(
            f"{depths[8]} has 8 bits a channel and {depths[16]} has 16, of which maximum says "
            f"that {maximum} means 1; save all with 16 bits, or leave maximum out if both "
            "255 and 65535 mean 1"
        )
    return 16 in depths


def read_files(
    headers: Mapping[Path, ImageHeader],
    shape: tuple[int, int, int],
    what: str,
    *,
    deep: bool,
    maximum: float = DEEP,
    fit: Fit | None = None,
) -> Array:
    """Return all images `(N, H, W, C)`, uint8, or uint16 with 8 bits spread to 65535.

    Args:
        headers: the files, and what their headers tell.
        shape: height, width and channels of each.
        what: what a message calls the data set.
        deep: whether to keep 16 bits.
        maximum: the largest pixel that a file of 16 bits may have.
        fit: how images of another size are scaled; by default they are refused.

    Raises:
        DataError: there are files that cannot be read.
    """
    kind = np.dtype(np.uint16 if deep else np.uint8)
    require_memory(what, (len(headers), *shape), kind.itemsize)
    images = np.empty((len(headers), *shape), kind)

    def read(file: Path) -> Array:
        return read_image(file, shape, maximum=maximum, fit=fit)

    for image, (file, pixels) in zip(images, _each(headers, read, what), strict=True):
        image[...] = pixels
        if deep and headers[file].bits == 8:
            image *= DEEP // 255
    return images


def load_images(
    paths: list[Path],
    shape: tuple[int, int, int],
    *,
    maximum: float = DEEP,
    fit: Fit | None = None,
) -> Array:
    """Return image files as float32 `(N, H, W, C)` in [0, 1].

    Args:
        paths: the files.
        shape: the height, width and channels that are wanted; colours are converted.
        maximum: the pixel value that means 1 in files of 16 bits; in those of 8 it is 255.
        fit: how images of another size are scaled; by default they are refused.

    Raises:
        DataError: there are files that cannot be read, have another size, or a pixel above
            `maximum`.
    """
    require_memory("images", (len(paths), *shape), 4)
    images = np.empty((len(paths), *shape), np.float32)

    def read(path: Path) -> Array:
        return read_image(path, shape, maximum=maximum, fit=fit)

    for image, (_, pixels) in zip(images, _each(paths, read, "images"), strict=True):
        white = maximum if pixels.dtype == np.uint16 else 255
        np.divide(pixels, white, out=image, dtype=np.float32, casting="unsafe")
    return images


def _each(
    files: Iterable[Path], read: Callable[[Path], Array], what: str
) -> Iterator[tuple[Path, Array]]:
    """Yield each file's image; behind a first one that cannot be read, only look for others.

    Raises:
        DataError: at the end, if there were such files.
    """
    complaints = []
    count = 0
    for file in files:
        count += 1
        try:
            pixels = read(file)
        except DataError as error:
            complaints.append(str(error))
            continue
        if not complaints:
            yield file, pixels
    if len(complaints) == 1:
        raise DataError(complaints[0])
    if complaints:
        more = [f"and {len(complaints) - MOST_NAMED:,} more"] if complaints[MOST_NAMED:] else []
        listed = "".join(f"\n  {line}" for line in [*complaints[:MOST_NAMED], *more])
        raise DataError(
            f"{what}: {len(complaints):,} of {count:,} image files cannot be used:{listed}"
        )


def _decode(file: Path) -> Array:
    header = image_header(file)
    return read_image(file, (header.height, header.width, header.channels))

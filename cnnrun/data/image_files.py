"""Reads the image files of a data set; of those that cannot be read, all are named at once."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from cnnrun.data.dataset import require_memory
from cnnrun.data.images import Fit, ImageHeader, image_header, read_image
from cnnrun.data.kept import kept, state_of
from cnnrun.data.pixel_range import DEEP, DEEP_RANGE, PixelRange
from cnnrun.data.rows import Images
from cnnrun.engine.types import Array
from cnnrun.errors import DataError

__all__ = [
    "SizesDifferError",
    "common_channels",
    "common_size",
    "load_images",
    "read_files",
    "read_headers",
    "require_one_depth",
    "some_of",
]

FEWEST_AHEAD = 64
"""Files that threads decode at once; fewer are decoded one by one."""

MOST_NAMED = 10
"""Files of which a message says what is wrong with them; of the others it says how many."""


class SizesDifferError(DataError):
    """Images must be of one size, or be brought to one."""


def _header(file: Path) -> ImageHeader:
    """Return what a file's header tells; of a file that has not changed it is read once.

    A training asks for it when the configuration is checked, when the network is built and when the
    images are read; 60,000 files take six seconds each time.
    """
    try:
        stat = file.stat()
    except OSError:
        return image_header(file)  # which says what is wrong
    return _header_of(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1 << 17)
def _header_of(file: Path, size: int, changed: int) -> ImageHeader:
    """Return what the header of that state of a file tells."""
    return image_header(file)


def some_of(texts: Sequence[str]) -> list[str]:
    """Return the first of what a message would list, and how many more there are."""
    more = [f"and {len(texts) - MOST_NAMED:,} more"] if texts[MOST_NAMED:] else []
    return [*texts[:MOST_NAMED], *more]


def read_headers(files: Sequence[Path], what: str) -> dict[Path, ImageHeader]:
    """Return what each file's header tells; `what` is what a message calls the data set.

    Raises:
        DataError: there are files that cannot be read, to their last pixel if any header is wrong.
    """
    try:
        return {file: _header(file) for file in files}
    except DataError:  # who repairs one wants to know of the others, too
        for _ in _each(files, _decode, what):
            pass
        raise  # the file was wrong a moment ago


def common_channels(headers: Mapping[Path, ImageHeader]) -> Literal[1, 3]:
    """Return 3 if any image has colours, else 1."""
    return 3 if any(header.channels == 3 for header in headers.values()) else 1


def common_size(headers: Mapping[Path, ImageHeader], what: str) -> tuple[int, int]:
    """Return the height and width of all images.

    Raises:
        SizesDifferError: they differ; the most frequent sizes are named, each with a file.
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
        raise SizesDifferError(
            f"{what}: images of {len(sizes):,} sizes (height x width): {named}{more}; set size: "
            "[height, width] to bring all to one, and fit: crop or pad to keep their proportions"
        )
    return height, width


def require_one_depth(headers: Mapping[Path, ImageHeader], deep: PixelRange) -> bool:
    """Return whether any image has 16 bits.

    Raises:
        DataError: some have 8, whose grey levels would not be whole numbers in such a data set.
    """
    depths = {header.bits: file for file, header in headers.items()}
    if len(depths) > 1 and deep != DEEP_RANGE:
        option = "range" if deep.clipped else "maximum"
        raise DataError(
            f"{depths[8]} has 8 bits a channel and {depths[16]} has 16, of which {option} says "
            f"that {deep.high:g} means 1; save all with 16 bits, or leave {option} out if both "
            "255 and 65535 mean 1"
        )
    return 16 in depths


def read_files(
    headers: Mapping[Path, ImageHeader],
    shape: tuple[int, int, int],
    what: str,
    *,
    deep: PixelRange | None,
    fit: Fit | None = None,
) -> Images:
    """Return all images `(N, H, W, C)`, uint8, or uint16 with 8 bits spread to 65535.

    Where they are large they are decoded once, into the cache.

    Args:
        headers: the files, and what their headers tell.
        shape: height, width and channels of each.
        what: what a message calls the data set.
        deep: what pixels of 16 bits mean, which are clipped if it says so; None if there are no
            such files, and 8 are kept.
        fit: how images of another size are scaled; by default they are refused.

    Raises:
        DataError: there are files that cannot be read.
    """

    def read(file: Path) -> Array:
        return read_image(file, shape, deep=deep or DEEP_RANGE, fit=fit)

    def pieces() -> Iterator[Array]:
        for file, pixels in _each(headers, read, what):
            image = pixels
            if deep is not None:
                image = pixels.astype(np.uint16)
                if headers[file].bits == 8:
                    image *= DEEP // 255
                if deep.clipped:
                    np.clip(image, round(deep.low), round(deep.high), out=image)
            yield image[None]

    how = "files", shape, deep, fit
    return kept(pieces(), len(headers), [*state_of(*headers), how])


def load_images(
    paths: list[Path],
    shape: tuple[int, int, int],
    *,
    deep: PixelRange = DEEP_RANGE,
    fit: Fit | None = None,
) -> Array:
    """Return image files as float32 `(N, H, W, C)` in [0, 1].

    Args:
        paths: the files.
        shape: the height, width and channels that are wanted; colours are converted.
        deep: what pixels mean in files of 16 bits; in those of 8 they reach from 0 to 255.
        fit: how images of another size are scaled; by default they are refused.

    Raises:
        DataError: there are files that cannot be read, have another size, or a pixel out of
            range.
    """
    require_memory("images", (len(paths), *shape), 4)
    images = np.empty((len(paths), *shape), np.float32)

    def read(path: Path) -> Array:
        return read_image(path, shape, deep=deep, fit=fit)

    for image, (_, pixels) in zip(images, _each(paths, read, "images"), strict=True):
        image[...] = (deep if pixels.dtype == np.uint16 else PixelRange()).scaled(pixels)
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
    for file, pixels in _read_ahead(files, read):
        count += 1
        if isinstance(pixels, DataError):
            complaints.append(str(pixels))
        elif not complaints:
            yield file, pixels
    if len(complaints) == 1:
        raise DataError(complaints[0])
    if complaints:
        listed = "".join(f"\n  {line}" for line in some_of(complaints))
        raise DataError(
            f"{what}: {len(complaints):,} of {count:,} image files cannot be used:{listed}"
        )


def _read_ahead(
    files: Iterable[Path], read: Callable[[Path], Array]
) -> Iterator[tuple[Path, Array | DataError]]:
    """Yield each file's image, or what is wrong with it; threads read some files ahead.

    Decoders leave Python's lock to others while they are at work.
    """

    def attempt(file: Path) -> Array | DataError:
        try:
            return read(file)
        except DataError as error:
            return error

    rest = iter(files)
    if len(ahead := list(islice(rest, FEWEST_AHEAD))) < FEWEST_AHEAD:
        for file in ahead:
            yield file, attempt(file)
        return
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # each thread says so for itself, and takes it back for all
        while ahead:
            yield from zip(ahead, pool.map(attempt, ahead), strict=True)
            ahead = list(islice(rest, FEWEST_AHEAD))


def _decode(file: Path) -> Array:
    header = image_header(file)
    return read_image(file, (header.height, header.width, header.channels))

"""What every source of image files does with them: their depth, range and size."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np

from cnnrun.data.dataset import DatasetSource
from cnnrun.data.image_files import read_files, require_one_depth
from cnnrun.data.images import Fit, ImageHeader
from cnnrun.data.pixel_range import DEEP, PixelRange
from cnnrun.data.rows import Images
from cnnrun.engine.types import DType, Pair, Range
from cnnrun.errors import OptionError

__all__ = ["FileSource", "SixteenBits"]

SixteenBits = Annotated[int, Range(ge=0, le=DEEP)]


class FileSource(DatasetSource):
    """Image files; a subclass has these options.

    Attributes:
        maximum: the pixel that means 1 in files of 16 bits.
        range: the pixels that mean 0 and 1 in files of 16 bits, in place of `maximum`.
        size: to which images are scaled; by default they must be of one size.
        fit: how they are.
    """

    maximum: int
    range: tuple[SixteenBits, SixteenBits] | None
    size: Pair | None
    fit: Fit

    def __post_init__(self) -> None:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise OptionError("range", "must be [low, high], low being less than high")
        if self.range is not None and self.maximum != DEEP:
            raise OptionError("maximum", "and range say the same; give one of them")

    def pixel_range(self, dtype: DType) -> PixelRange:
        return self.deep_range() if dtype == np.uint16 else super().pixel_range(dtype)

    def deep_range(self) -> PixelRange:
        low, high = self.range or (0, self.maximum)
        return PixelRange(float(low), float(high), self.range is not None)

    def image_fit(self) -> Fit:
        return self.fit

    def depth(self, headers: Mapping[Path, ImageHeader]) -> PixelRange | None:
        """Return what pixels of 16 bits mean; None where all files have 8.

        Raises:
            DataError: there are files of both depths, but `maximum` or `range` fits those of 16.
        """
        return self.deep_range() if require_one_depth(headers, self.deep_range()) else None

    def read(
        self,
        headers: Mapping[Path, ImageHeader],
        shape: tuple[int, int, int],
        deep: PixelRange | None,
        what: str,
    ) -> Images:
        """Return all images, scaled if a size is set; `what` is what messages call them.

        Raises:
            DataError: there are files that cannot be used.
        """
        return read_files(headers, shape, what, deep=deep, fit=self.fit if self.size else None)

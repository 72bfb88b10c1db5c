"""Which values of pixels mean 0 and 1, and how pixels are scaled by them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from cnnrun.engine.types import Array

__all__ = ["DEEP", "DEEP_RANGE", "PixelRange"]

DEEP = 0xFFFF
"""The largest pixel of 16 bits."""


class PixelRange(NamedTuple):
    """What pixel values mean.

    Attributes:
        low: means 0.
        high: means 1.
        clipped: whether pixels beyond are taken as the nearer of both; else they are refused.
    """

    low: float = 0.0
    high: float = 255.0
    clipped: bool = False

    def scaled(self, pixels: Array, dtype: npt.DTypeLike = np.float32) -> Array:
        """Return pixels from 0 to 1 in a new array."""
        scaled = np.empty(pixels.shape, dtype)
        if not self.low and not self.clipped:
            np.divide(pixels, self.high, out=scaled, dtype=scaled.dtype, casting="unsafe")
            return scaled
        scaled[...] = pixels
        if self.clipped:
            np.clip(scaled, self.low, self.high, out=scaled)
        scaled -= self.low
        scaled /= self.high - self.low
        return scaled

    @property
    def rule(self) -> str:
        """Which pixels are taken, in words."""
        return "are finite" if self.clipped else f"lie between {self.low:g} and {self.high:g}"

    def outside(self, pixels: Array) -> Array:
        """Return which pixels are not taken."""
        if self.clipped:
            return ~np.isfinite(pixels)
        return ~((pixels >= self.low) & (pixels <= self.high))  # not a number is neither

    def of_deep_files(self) -> PixelRange:
        """Return the range of grey files of 16 bits: this one if they need it, else all 16 bits."""
        fits = self.low >= 0 and self.high > 255
        return self if fits else DEEP_RANGE


DEEP_RANGE = PixelRange(0.0, float(DEEP))
"""Of files of 16 bits, unless the data set says otherwise."""

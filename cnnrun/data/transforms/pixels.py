"""Transforms that change the values of pixels and move none; results stay in [0, 1]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from cnnrun.data.transforms.base import TRANSFORMS, Transform
from cnnrun.engine.types import Array, PositiveInt, Range, UnitInterval

__all__ = ["BrightnessContrast", "Cutout", "GaussianNoise"]


@TRANSFORMS.register("brightness_contrast")
@dataclass(frozen=True)
class BrightnessContrast(Transform):
    """Scales contrast about the mean by up to 1 +- `contrast` and adds up to +- `brightness`."""

    brightness: UnitInterval = 0.1
    contrast: UnitInterval = 0.1

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        scale = np.float32(1 + rng.uniform(-self.contrast, self.contrast))
        offset = np.float32(rng.uniform(-self.brightness, self.brightness))
        mean = image.mean()
        changed: Array = np.clip((image - mean) * scale + mean + offset, 0, 1)
        return changed


@TRANSFORMS.register("gaussian_noise")
@dataclass(frozen=True)
class GaussianNoise(Transform):
    """Adds normal noise of standard deviation `std` to every number."""

    std: Annotated[float, Range(gt=0, le=10)] = 0.05

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        changed: Array = np.clip(image + np.float32(self.std) * noise, 0, 1)
        return changed


@TRANSFORMS.register("cutout")
@dataclass(frozen=True)
class Cutout(Transform):
    """Blanks a square of `size` pixels centred anywhere. Source: DeVries & Taylor 2017."""

    size: PositiveInt = 4

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        top = int(rng.integers(image.shape[0])) - self.size // 2
        left = int(rng.integers(image.shape[1])) - self.size // 2
        cut = image.copy()
        cut[max(top, 0) : max(top + self.size, 0), max(left, 0) : max(left + self.size, 0)] = 0
        return cut

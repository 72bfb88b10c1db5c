"""What a transform is: a random change of one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from cnnrun.engine.types import Array, UnitInterval
from cnnrun.registry import Registry

__all__ = ["TRANSFORMS", "Transform"]

TRANSFORMS: Registry[type[Transform]] = Registry("transform")


@dataclass(frozen=True)
class Transform:
    """Changes an image with a probability; every random number comes from the given generator."""

    type_name: ClassVar[str] = ""
    moves_pixels: ClassVar[bool] = False
    """Whether an image that is to be learnt moves along; its random numbers then depend on the
    height and width alone."""

    probability: UnitInterval = 1.0

    def __call__(self, image: Array, rng: np.random.Generator) -> Array:
        """Return the image, changed or not.

        Args:
            image: `(H, W, C)` float32 in [0, 1]; not written to.
            rng: where the decision and the change come from.
        """
        if self.probability < 1 and rng.random() >= self.probability:
            return image
        return self.apply(image, rng)

    def apply(self, image: Array, rng: np.random.Generator) -> Array:
        """Return a changed image of the same shape and dtype."""
        raise NotImplementedError

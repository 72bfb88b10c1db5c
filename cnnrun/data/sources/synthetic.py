"""Made-up images of any shape: to time a network, or to try one without any data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    require_memory,
)
from cnnrun.engine.types import NonNegativeInt, PositiveInt, Range

__all__ = ["Synthetic"]


@DATASETS.register("synthetic")
@dataclass(frozen=True)
class Synthetic(DatasetSource):
    """Each class is a random pattern; an image is its pattern under noise, so it can be learnt."""

    summary = "random patterns of any shape, one a class"

    image_shape: tuple[PositiveInt, PositiveInt, PositiveInt] = (32, 32, 3)
    classes: Annotated[int, Range(ge=1, le=10_000)] = 10
    train_samples: PositiveInt = 1000
    test_samples: PositiveInt = 200
    seed: NonNegativeInt = 0

    def info(self, base: Path) -> DatasetInfo:
        for samples in (self.train_samples, self.test_samples, 8 * self.classes):
            require_memory("synthetic", (samples, *self.image_shape))
        names = tuple(str(label) for label in range(self.classes))
        shape = self.image_shape
        return DatasetInfo("synthetic", shape, names, self.train_samples, self.test_samples)

    def load(self, base: Path) -> Dataset:
        info = self.info(base)
        rng = np.random.default_rng(self.seed)
        patterns = rng.integers(64, 192, (self.classes, *self.image_shape))

        def split(samples: int) -> Split:
            labels = np.arange(samples, dtype=np.int64) % self.classes
            noise = rng.integers(-64, 64, (samples, *self.image_shape), dtype=np.int8)
            return Split((patterns[labels] + noise).astype(np.uint8), labels)

        return Dataset(info, split(self.train_samples), split(self.test_samples))

"""A plug-in with a small data set of each task that is no classification, for the tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrun.data import DATASETS, Dataset, DatasetInfo, DatasetSource, Split

SIDE = 6


def pictures(count: int) -> np.ndarray:
    """Return grey pictures, each with a bright square of 2x2 somewhere."""
    random = np.random.default_rng(5)
    images = random.integers(0, 60, (count, SIDE, SIDE, 1), np.uint8)
    for image, (row, column) in zip(images, random.integers(0, SIDE - 1, (count, 2)), strict=True):
        image[row : row + 2, column : column + 2] += 180
    return images


def places(images: np.ndarray) -> np.ndarray:
    """Return the square's row and column, `(N, 2)`."""
    bright = images[..., 0] > 150
    rows, columns = bright.any(axis=2).argmax(axis=1), bright.any(axis=1).argmax(axis=1)
    return np.stack([rows, columns], axis=1)


def _dataset(info: DatasetInfo, targets: np.ndarray) -> Dataset:
    images = pictures(60)
    names = tuple(f"{number}.png" for number in range(60))
    parts = [slice(40), slice(40, 60)]
    return Dataset(info, *(Split(images[part], targets[part], 255, names[part]) for part in parts))


@DATASETS.register("toy_places")
@dataclass(frozen=True)
class Places(DatasetSource):
    """Where a bright square lies: a regression of two numbers, times a scale."""

    scale: float = 1.0

    def info(self, base: Path) -> DatasetInfo:
        shape = (SIDE, SIDE, 1)
        return DatasetInfo("places", shape, ("row", "column"), 40, 20, task="regression")

    def load(self, base: Path) -> Dataset:
        targets = self.scale * places(pictures(60)).astype(np.float32)
        return _dataset(self.info(base), targets)


@DATASETS.register("toy_corners")
@dataclass(frozen=True)
class Corners(DatasetSource):
    """In which half the square lies: two labels, both, one or none of them."""

    def info(self, base: Path) -> DatasetInfo:
        shape, names = (SIDE, SIDE, 1), ("upper", "left")
        return DatasetInfo("corners", shape, names, 40, 20, True, "multi_label")

    def load(self, base: Path) -> Dataset:
        targets = (places(pictures(60)) < SIDE // 2 - 1).astype(np.float32)
        return _dataset(self.info(base), targets)


@DATASETS.register("toy_pairs")
@dataclass(frozen=True)
class Pairs(DatasetSource):
    """Pictures and the same in negative, in colour if there are three channels."""

    channels: int = 1

    def info(self, base: Path) -> DatasetInfo:
        shape = (SIDE, SIDE, 1)
        target = (SIDE, SIDE, self.channels)
        return DatasetInfo("pairs", shape, (), 40, 20, task="image", target_shape=target)

    def load(self, base: Path) -> Dataset:
        targets = np.repeat(255 - pictures(60), self.channels, axis=3)
        return _dataset(self.info(base), targets)

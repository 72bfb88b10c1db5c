"""The data sets that come with the package: real digits, so that everything runs offline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cnnrun.data.dataset import DATASETS, Dataset, DatasetInfo, DatasetSource, Split
from cnnrun.data.pixel_range import PixelRange
from cnnrun.engine.types import DType

__all__ = ["Digits", "Mnist5k"]

FOLDER = Path(__file__).parent.parent / "bundled"


class _Bundled(DatasetSource):
    """A file of the package whose sizes and classes are known without opening it."""

    facts: ClassVar[DatasetInfo]
    maximum: ClassVar[float]

    def info(self, base: Path) -> DatasetInfo:
        return self.facts

    def whereabouts(self, base: Path) -> str:
        return "bundled"

    def load(self, base: Path) -> Dataset:
        with np.load(FOLDER / f"{self.facts.name}.npz", allow_pickle=False) as file:
            train, test = (
                Split(file[f"{k}_images"], file[f"{k}_labels"].astype(np.int64), self.maximum)
                for k in ("train", "test")
            )
        return Dataset(self.facts, train, test)

    def pixel_range(self, dtype: DType) -> PixelRange:
        return PixelRange(0.0, self.maximum if dtype.kind in "ui" else 1.0)


@DATASETS.register("mnist5k")
@dataclass(frozen=True)
class Mnist5k(_Bundled):
    """5,000 real MNIST digits 28x28, 400 of each class to train and 100 to test."""

    summary = "5,000 MNIST digits 28x28"
    licence = "CC BY-SA 3.0"
    facts = DatasetInfo("mnist5k", (28, 28, 1), tuple("0123456789"), 4000, 1000)
    maximum = 255.0


@DATASETS.register("digits")
@dataclass(frozen=True)
class Digits(_Bundled):
    """1,797 handwritten digits 8x8 of the UCI repository, with 17 levels of grey."""

    summary = "1,797 UCI digits 8x8"
    licence = "CC BY 4.0"
    facts = DatasetInfo("digits", (8, 8, 1), tuple("0123456789"), 1438, 359)
    maximum = 16.0

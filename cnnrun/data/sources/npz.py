"""NumPy .npz files with images and labels, also those of MedMNIST."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    stratified_split,
)
from cnnrun.data.npz_file import Header, NpzFile
from cnnrun.engine.types import Array, Fraction, NonNegativeInt, Positive
from cnnrun.errors import DataError

__all__ = ["Npz"]

SPLIT_KEYS = (  # {} stands for train, val or test
    ("{}_images", "{}_labels"),
    ("x_{}", "y_{}"),
    ("X_{}", "Y_{}"),
    ("X_{}", "y_{}"),
    ("{}_x", "{}_y"),
)
WHOLE_KEYS = (("images", "labels"), ("x", "y"), ("X", "y"), ("X", "Y"), ("data", "target"))
Keys = tuple[str, str]  # of the images, of the labels


@DATASETS.register("npz")
@dataclass(frozen=True)
class Npz(DatasetSource):
    """Arrays `train_images`, `train_labels`, `test_images`, `test_labels` of a file.

    MedMNIST's files (with `val_` too, which is then the validation split) and the names x_train,
    y_train and so on are read as well; with `images` and `labels` alone, or `x` and `y`,
    `test_fraction` of each class becomes the test split.

    Images are `(N, H, W)` or `(N, H, W, C)`: integers from 0 to 255, or floats from 0 to 1;
    `maximum` says which pixel value means 1 where it is another. Labels are integers `(N,)` or
    `(N, 1)`, or for several labels an image zeros and ones `(N, K)`. The training labels say how
    many classes there are, unless `class_names` does.
    """

    summary = "arrays in a NumPy .npz file (MedMNIST's too)"

    path: str
    class_names: tuple[str, ...] = ()
    maximum: Positive | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def info(self, base: Path) -> DatasetInfo:
        return self._labelled(base)[0]

    def load(self, base: Path) -> Dataset:
        info, file, keys, labels = self._labelled(base)
        images = {split: self._images(file, images) for split, (images, _) in keys.items()}
        splits = {split: Split(*images[split], labels[split]) for split in ()}  # placeholder
        return Dataset(info, splits["train"], splits["test"], splits.get("val"))

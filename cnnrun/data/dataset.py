"""What a data set is: images with labels, in a training and a test split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from cnnrun.engine.types import Array
from cnnrun.errors import DataError
from cnnrun.registry import Registry

__all__ = ["DATASETS", "Dataset", "DatasetInfo", "DatasetSource", "Split", "stratified_split"]

DATASETS: Registry[type[DatasetSource]] = Registry("dataset")


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set without reading its images.

    Attributes:
        name: what it is called in a configuration.
        image_shape: height, width, channels.
        class_names: in the order of the labels.
        train_samples, test_samples: the sizes of its splits; None while they are not known.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_samples: int | None = None
    test_samples: int | None = None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        images: `(N, H, W, C)`, uint8 or float32; may be mapped from a file.
        labels: `(N,)` int64 class numbers, or `(N, K)` float32 for several labels an image.
        maximum: the pixel value that means 1.0.
    """

    images: Array
    labels: Array
    maximum: float = 255.0

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Array) -> Split:
        """Return a split of the given samples."""
        return Split(self.images[indices], self.labels[indices], self.maximum)


@dataclass(frozen=True)
class Dataset:
    """A training and a test split; `val` where the source has one of its own."""

    info: DatasetInfo
    train: Split
    test: Split
    val: Split | None = None

    def sha256(self) -> str:
        """Return a digest of all images and labels, with their shapes and types."""
        digest = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            for array in (split.images, split.labels) if split else ():
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


@dataclass(frozen=True)
class DatasetSource:
    """A way to get a data set; a subclass's fields are its options."""

    type_name: ClassVar[str] = ""
    summary: ClassVar[str] = ""
    """One line for `cnnrun data list`."""

    def info(self, base: Path) -> DatasetInfo:
        """Return what headers and file names tell; relative paths are relative to `base`.

        Raises:
            DataError: the data are missing or damaged.
        """
        raise NotImplementedError

    def load(self, base: Path) -> Dataset:
        """Return the data.

        Raises:
            DataError: the data are missing, damaged or of another kind than expected.
        """
        raise NotImplementedError


def stratified_split(labels: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Return the indices (kept, held out), in order, with every class split alike.

    Args:
        labels: `(N,)` class numbers; `(N, K)` labels are split without regard to class.
        fraction: of each class to hold out, rounded; at least one sample of each is kept.
        seed: which ones.

    Raises:
        DataError: nothing would be held out, or kept.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x5EED,)))
    held: list[Array] = []
    groups = (
        [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if labels.ndim == 1
        else [np.arange(len(labels))]
    )
    for group in groups:
        count = min(round(fraction * len(group)), len(group) - 1)
        held.append(rng.permutation(group)[:count])
    out = np.sort(np.concatenate(held)) if held else np.empty(0, np.int64)
    if not len(out):
        raise DataError(f"holding {fraction:g} of {len(labels)} samples out leaves none in it")
    return np.setdiff1d(np.arange(len(labels)), out), out

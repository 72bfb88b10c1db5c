"""What a data set is: images with labels, in a training and a test split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from cnnrun.data.images import Fit
from cnnrun.data.rows import Images, chosen, in_pieces, joined
from cnnrun.engine.types import Array, DType
from cnnrun.errors import DataError
from cnnrun.registry import Registry

__all__ = [
    "DATASETS",
    "MAXIMUM_BYTES",
    "Dataset",
    "DatasetInfo",
    "DatasetSource",
    "Split",
    "Task",
    "require_memory",
    "resolve_path",
    "stratified_split",
]

DATASETS: Registry[type[DatasetSource]] = Registry("dataset")
MAXIMUM_BYTES = 8 << 30
"""Of one array in memory, 8 GiB as messages say."""

Task = Literal["classification", "multi_label", "regression", "image"]
"""What is learnt of an image: its class, several labels, numbers, or another image."""


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set without reading its images.

    Attributes:
        name: what it is called in a configuration.
        image_shape: height, width, channels.
        class_names: in the order of the labels; of the numbers of a regression, what they are; none
            where images are learnt.
        train_samples, test_samples: the sizes of its splits; None while they are not known.
        several_labels: whether there are images with several labels, or none.
        task: what is to be learnt.
        target_shape: height, width, channels of the images that are to be learnt, if they are.
        test_fraction: the share of the training samples that was held out as the test split; None
            where the source has a test split of its own.
    """

    name: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    train_samples: int | None = None
    test_samples: int | None = None
    several_labels: bool = False
    task: Task = "classification"
    target_shape: tuple[int, int, int] | None = None
    test_fraction: float | None = None

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.class_names)


@dataclass(frozen=True)
class Split:
    """Images and their labels.

    Attributes:
        images: `(N, H, W, C)`, uint8, uint16 or float32; an array, or rows of a file that are read
            when they are needed.
        labels: what is to be learnt: `(N,)` int64 class numbers; `(N, K)` float32, zeros and ones
            for several labels an image, or the numbers of a regression; or images `(N, H, W, C)`
            of the dtype and range of `images`.
        maximum: the pixel value that means 1.0; pixels lie between 0 and it.
        files: the name of each image's file within the data set; none where it has no such files.
    """

    images: Images
    labels: Array
    maximum: float = 255.0
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    def take(self, indices: Array) -> Split:
        """Return a split of the given samples."""
        files = tuple(self.files[index] for index in indices) if self.files else ()
        images, labels = chosen(self.images, indices), chosen(self.labels, indices)
        return Split(images, labels, self.maximum, files)


@dataclass(frozen=True)
class Dataset:
    """A training and a test split; `val` where the source has one of its own.

    `divided` says that the source has no splits: both were cut from one whole.
    """

    info: DatasetInfo
    train: Split
    test: Split
    val: Split | None = None
    divided: bool = False

    def split(self, name: str) -> Split:
        """Return the split called `name` as the source has it; all samples if it has no splits.

        What was held out of the training samples is a part of these.

        Raises:
            DataError: the source has splits, but not this one.
        """
        if self.info.test_fraction is not None and name == "test" and not self.divided:
            raise DataError(
                f"{self.info.name} has no test split of its own; its splits are train and val"
            )
        if self.divided or (self.info.test_fraction is not None and name == "train"):
            images = joined(self.train.images, self.test.images)
            labels = joined(self.train.labels, self.test.labels)
            files = self.train.files + self.test.files
            return Split(images, labels, self.train.maximum, files)
        split = {"train": self.train, "val": self.val, "test": self.test}[name]
        if split is None:
            raise DataError(f"{self.info.name} has no {name} split")
        return split

    def sha256(self) -> str:
        """Return a digest of all images and labels, with their shapes and types."""
        digest = hashlib.sha256()
        for split in (self.train, self.val, self.test):
            for array in (split.images, split.labels) if split else ():
                digest.update(f"{array.dtype.str}{array.shape}".encode())
                for piece in in_pieces(array):
                    digest.update(np.ascontiguousarray(array[piece]).data)
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

    def pixel_maximum(self, dtype: DType) -> float:
        """Return the pixel value that means 1 in images of such a dtype."""
        return 255.0 if dtype.kind in "ui" else 1.0

    def image_fit(self) -> Fit:
        """Return how image files of another size are scaled, where that is asked for."""
        return "stretch"

    def deep_maximum(self) -> float:
        """Return the pixel value that means 1 in files of 16 bits; in those of 8 it is 255."""
        return 65535.0


def resolve_path(path: str, base: Path) -> Path:
    """Return a path of a configuration: relative to `base`, with `~` for a home directory.

    Raises:
        DataError: there is no such home directory.
    """
    try:
        return base / Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"{path}: {error}") from None


def require_memory(what: str, shape: tuple[int, ...], itemsize: int = 1) -> None:
    """Refuse an array of more than 8 GiB before it is allocated.

    Raises:
        DataError: it is larger; the message opens with `what`.
    """
    size = prod(shape) * itemsize
    if size > MAXIMUM_BYTES:
        raise DataError(
            f"{what}: an array of shape {shape} takes {size:,} bytes; the limit is 8 GiB"
        )


def stratified_split(labels: Array, fraction: float, seed: int, what: str) -> tuple[Array, Array]:
    """Return the indices (kept, held out), in order; of every class the same share is held out.

    Args:
        labels: `(N,)` class numbers; `(N, K)` labels are split without regard to class.
        fraction: of each class to hold out, rounded; at least one sample of each is kept.
        seed: which ones.
        what: the name of the part held out, for the message.

    Raises:
        DataError: nothing would be held out.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0x5EED,)))
    groups = (
        [np.flatnonzero(labels == label) for label in np.unique(labels)]
        if labels.ndim == 1
        else [np.arange(len(labels))]
    )
    held = []
    for group in groups:
        count = max(0, min(round(fraction * len(group)), len(group) - 1))
        held.append(rng.permutation(group)[:count])
    out = np.sort(np.concatenate(held)) if held else np.empty(0, np.int64)
    if not len(out):
        raise DataError(
            f"{what} would be empty: {fraction:g} of each class of {len(labels)} samples rounds to "
            "none; take a larger fraction"
        )
    return np.setdiff1d(np.arange(len(labels)), out), out

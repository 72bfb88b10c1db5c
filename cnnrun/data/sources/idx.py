"""IDX files: MNIST, Fashion-MNIST, KMNIST, EMNIST and what is stored as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    resolve_path,
    stratified_split,
)
from cnnrun.data.idx_file import IdxFile
from cnnrun.data.values import Axes, channels_last, checked_pixels, class_numbers, image_shape
from cnnrun.engine.types import Array, DType, Fraction, NonNegativeInt, Positive
from cnnrun.errors import DataError, OptionError

__all__ = ["IDX_NAME", "Idx"]

IDX_NAME = re.compile(
    r"(?P<prefix>.*?)[-_.]?(?P<split>train|val|t10k|test)[-_.](?P<role>images|labels)"
    r"[-_.]idx\d[-_.]\w+?(\.gz)?",
    re.IGNORECASE,
)
"""The standard names: train-images-idx3-ubyte.gz, emnist-letters-test-labels-idx1-ubyte, ..."""
SPLITS = ("train", "val", "test")
Files = dict[str, tuple[IdxFile, IdxFile]]  # by split: images, labels


@DATASETS.register("idx")
@dataclass(frozen=True)
class Idx(DatasetSource):
    """`path` is a folder with files under MNIST's names, or under names that are given.

    MNIST's are `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and
    `t10k-labels-idx1-ubyte`, also with dots, compressed (`.gz`), and with a prefix as EMNIST's
    (`emnist-letters-train-...`): `prefix` says which, where a folder has several. Without test
    files, `test_fraction` of each class becomes the test split.

    Images are `(N, H, W)` or `(N, H, W, C)`, bytes from 0 to 255 or floats from 0 to 1; `maximum`
    says which pixel value means 1 where it is another; `transpose` swaps height and width (EMNIST's
    letters lie on their side). The training labels say how many classes there are, unless
    `class_names` does; they count from `first_label`.
    """

    summary = "MNIST's file format, also .gz (Fashion-MNIST, KMNIST, EMNIST)"

    path: str
    train_images: str | None = None
    train_labels: str | None = None
    val_images: str | None = None
    val_labels: str | None = None
    test_images: str | None = None
    test_labels: str | None = None
    prefix: str | None = None
    class_names: tuple[str, ...] = ()
    first_label: NonNegativeInt = 0
    maximum: Positive | None = None
    transpose: bool = False
    axes: Axes | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0

    def __post_init__(self) -> None:
        named = self._named()
        for split, role in named:
            for needed in ((split, "images"), (split, "labels"), ("train", "images")):
                if needed not in named:
                    option = "_".join(needed)
                    raise OptionError(option, f"is missing, and {split}_{role} is given")

    def info(self, base: Path) -> DatasetInfo:
        return self._labelled(base)[0]

    def load(self, base: Path) -> Dataset:
        info, files, labels = self._labelled(base)
        splits = {split: self._split(files[split][0], labels[split]) for split in files}
        if "test" not in splits:
            kept, held = self._divided(labels["train"], files)
            train = splits["train"]
            return Dataset(info, train.take(kept), train.take(held), splits.get("val"), True)
        return Dataset(info, splits["train"], splits["test"], splits.get("val"))

    def pixel_maximum(self, dtype: DType) -> float:
        return self.maximum or super().pixel_maximum(dtype)

    def deep_maximum(self) -> float:
        own = self.maximum or 0.0
        return own if own > 255 else super().deep_maximum()

    def _labelled(self, base: Path) -> tuple[DatasetInfo, Files, dict[str, Array]]:
        """Return what is known without reading the images, the files, and the labels by split."""
        folder = resolve_path(self.path, base)
        paths = self._paths(folder)
        files = {
            split: (IdxFile(images), IdxFile(labels)) for split, (images, labels) in paths.items()
        }
        shapes = {self._image_shape(images): images.path for images, _ in files.values()}
        if len(shapes) > 1:
            listed = ", ".join(f"{path.name} {shape}" for shape, path in shapes.items())
            raise DataError(f"{folder}: the splits' images differ in shape: {listed}")
        read = {str(labels.path): _labels(images, labels) for images, labels in files.values()}
        names, numbers = class_numbers(read, self.class_names, self.first_label)
        labels = {split: numbers[str(file.path)] for split, (_, file) in files.items()}
        if "test" in labels:
            counts = len(labels["train"]), len(labels["test"])
        else:
            kept, held = self._divided(labels["train"], files)
            counts = len(kept), len(held)
        name = self.prefix or folder.resolve().name
        return DatasetInfo(name, next(iter(shapes)), names, *counts), files, labels

    def _divided(self, labels: Array, files: Files) -> tuple[Array, Array]:
        what = f"{files['train'][1].path}: the test split"
        return stratified_split(labels, self.test_fraction, self.split_seed, what)

    def _image_shape(self, file: IdxFile) -> tuple[int, int, int]:
        height, width, channels = image_shape(file.shape, self.axes, str(file.path))
        return (width, height, channels) if self.transpose else (height, width, channels)

    def _split(self, file: IdxFile, labels: Array) -> Split:
        images = channels_last(file.read(), self.axes)
        if self.transpose:
            images = images.swapaxes(1, 2).copy()
        maximum = self.pixel_maximum(images.dtype)
        return Split(checked_pixels(images, maximum, str(file.path)), labels, maximum)

    def _named(self) -> dict[tuple[str, str], str]:
        named = {
            (split, role): getattr(self, f"{split}_{role}")
            for split in SPLITS
            for role in ("images", "labels")
        }
        return {key: name for key, name in named.items() if name is not None}

    def _paths(self, folder: Path) -> dict[str, tuple[Path, Path]]:
        """Return the files of images and labels by split, `train` first."""
        if not folder.is_dir():
            raise DataError(f"{folder}: {'not a folder' if folder.exists() else 'no such folder'}")
        if named := self._named():
            paths = {key: folder / name for key, name in named.items()}
        else:
            paths = self._standard(folder)
        return {
            split: (paths[split, "images"], paths[split, "labels"])
            for split in SPLITS
            if (split, "images") in paths
        }

    def _standard(self, folder: Path) -> dict[tuple[str, str], Path]:
        """Return the files under standard names by split and role, those of one prefix."""
        sets: dict[str, dict[tuple[str, str], Path]] = {}
        for path in sorted(folder.iterdir()):  # a plain file comes before the same with .gz
            if (match := IDX_NAME.fullmatch(path.name)) and path.is_file():
                split, role = match["split"].lower(), match["role"].lower()
                key = ("test" if split == "t10k" else split), role
                sets.setdefault(match["prefix"], {}).setdefault(key, path)
        prefixes = ", ".join(prefix or '""' for prefix in sets)
        if self.prefix is None and len(sets) > 1:
            raise DataError(f"{folder}: has several sets; say which prefix: {prefixes}")
        prefix = next(iter(sets), "") if self.prefix is None else self.prefix
        if prefix not in sets:
            there = f"; there are: {prefixes}" if sets else ""
            raise DataError(
                f"{folder}: no files like {prefix and f'{prefix}-'}train-images-idx3-ubyte or "
                f"{prefix and f'{prefix}-'}train-images-idx3-ubyte.gz{there}"
            )
        paths = sets[prefix]
        for split, role in paths:
            for needed in ((split, "images"), (split, "labels"), ("train", "images")):
                if needed not in paths:
                    raise DataError(
                        f"{folder}: has {paths[split, role].name}, but no {' '.join(needed)} "
                        f"(such as {prefix and f'{prefix}-'}{needed[0]}-{needed[1]}-idx"
                        f"{3 if needed[1] == 'images' else 1}-ubyte)"
                    )
        return paths


def _labels(images: IdxFile, labels: IdxFile) -> Array:
    """Return labels `(N,)`.

    Raises:
        DataError: they are not whole numbers, or not one for each image.
    """
    single = labels.shape[1:] in ((), (1,))
    if not single or labels.dtype.kind not in "ui":
        raise DataError(
            f"{labels.path}: {labels.dtype.name} of shape {labels.shape}; labels are whole numbers "
            "(N,)"
        )
    if images.shape[0] != labels.shape[0]:
        raise DataError(
            f"{images.shape[0]} images in {images.path}, {labels.shape[0]} labels in {labels.path}"
        )
    return labels.read().reshape(-1)

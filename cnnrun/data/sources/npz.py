"""NumPy .npz files with images and labels, also those of MedMNIST."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import cast

import numpy as np

from cnnrun.data.dataset import (
    DATASETS,
    Dataset,
    DatasetInfo,
    DatasetSource,
    Split,
    Task,
    resolve_path,
)
from cnnrun.data.kept import kept, state_of
from cnnrun.data.npz_file import NpzFile
from cnnrun.data.npz_keys import Keys, Learnt, recognised
from cnnrun.data.pixel_range import PixelRange
from cnnrun.data.recognition import hinting
from cnnrun.data.rows import LARGE
from cnnrun.data.splitting import stratified_split
from cnnrun.data.values import (
    Axes,
    channels_last,
    checked_pixels,
    class_numbers,
    image_shape,
    mask_pixels,
    require_visible,
)
from cnnrun.engine.types import Array, DType, Fraction, NonNegativeInt, Positive
from cnnrun.errors import DataError, OptionError

__all__ = ["Npz"]

HINT = (
    "set maximum if another value means 1, or range: [low, high] for pixels that begin below 0 or "
    "have no fixed end, as those of CT"
)


@DATASETS.register("npz")
@dataclass(frozen=True)
class Npz(DatasetSource):
    """Arrays `train_images`, `train_labels`, `test_images`, `test_labels` of a file.

    MedMNIST's files (with `val_` too, which is then the validation split) and the names x_train,
    y_train and so on are read as well. Without a test split, or with `images` and `labels` alone,
    or `x` and `y`, `test_fraction` of each class is held out as the test split.

    Images are `(N, H, W)` or `(N, H, W, C)`; `axes: NCHW` says that channels come second, and where
    a shape looks so, `axes` must say which it is. They are integers from 0 to 255, or floats from
    0 to 1; `maximum` says which pixel value means 1 where it is another, and `range: [low, high]`
    which mean 0 and 1, so that pixels below are 0 and pixels above 1.

    Labels are integers `(N,)` or `(N, 1)`, from `first_label` on, or for several labels an image
    zeros and ones `(N, K)`. The training labels say how many classes there are, unless
    `class_names` does. With `task: regression` they are any numbers, `(N,)` or `(N, K)`, whose
    names `class_names` has; with `task: image` other images, with pixels as the images have.
    """

    summary = "arrays in a NumPy .npz file (MedMNIST's too)"

    path: str
    class_names: tuple[str, ...] = ()
    maximum: Positive | None = None
    test_fraction: Fraction = 0.2
    split_seed: NonNegativeInt = 0
    axes: Axes | None = None
    range: tuple[float, float] | None = None
    task: Learnt = "classification"
    first_label: NonNegativeInt = 0

    def __post_init__(self) -> None:
        if self.range is not None and not self.range[0] < self.range[1]:
            raise OptionError("range", "must be [low, high], low being less than high")
        if self.range is not None and self.maximum is not None:
            raise OptionError("maximum", "and range say the same; give one of them")
        if self.task == "image" and self.class_names:
            raise OptionError("class_names", "are for labels, and task: image learns images")

    def info(self, base: Path) -> DatasetInfo:
        return self._labelled(base)[0]

    def load(self, base: Path) -> Dataset:
        info, file, keys, labels = self._labelled(base)
        splits = {split: self._split(file, keys[split], labels[split]) for split in keys}
        if "test" not in splits:
            train, val = splits["train"], splits.get("val")
            kept, held = self._held_out(file, labels["train"])
            return Dataset(info, train.take(kept), train.take(held), val, divided=val is None)
        return Dataset(info, splits["train"], splits["test"], splits.get("val"))

    def pixel_range(self, dtype: DType) -> PixelRange:
        if self.range is not None:
            return PixelRange(*self.range, clipped=True)
        return PixelRange(0.0, self.maximum) if self.maximum else super().pixel_range(dtype)

    def _labelled(
        self, base: Path
    ) -> tuple[DatasetInfo, NpzFile, dict[str, Keys], dict[str, Array]]:
        """Return what is known without reading the images: info, the file, its keys, the labels."""
        path = resolve_path(self.path, base)
        with hinting(path, self.type_name):
            file = NpzFile(path)
        keys = recognised(file, self.task)
        info = DatasetInfo(file.path.stem, self._shape(file, keys["train"][0]), self.class_names)
        if self.task == "image":
            target = self._shape(file, keys["train"][1])
            info = replace(info, task="image", target_shape=target, class_names=())
            sizes = {split: file.headers[key].shape[0] for split, (_, key) in keys.items()}
            labels = {split: np.empty((size, 0)) for split, size in sizes.items()}
        elif self.task == "regression":
            labels = {split: _numbers(file, key) for split, (_, key) in keys.items()}
            names = self._column_names(file, labels["train"], "target ", 1)
            info = replace(info, task="regression", class_names=names)
        else:
            info, labels = self._classes(file, keys, info)
        if "test" in keys:
            counts, fraction = (len(labels["train"]), len(labels["test"])), None
        else:
            kept, held = self._held_out(file, labels["train"])
            counts, fraction = (len(kept), len(held)), self.test_fraction
        info = replace(
            info, train_samples=counts[0], test_samples=counts[1], test_fraction=fraction
        )
        return info, file, keys, labels

    def _shape(self, file: NpzFile, key: str) -> tuple[int, int, int]:
        return image_shape(file.headers[key].shape, self.axes, f"{file.path}: {key}")

    def _classes(
        self, file: NpzFile, keys: dict[str, Keys], info: DatasetInfo
    ) -> tuple[DatasetInfo, dict[str, Array]]:
        """Return the description with the classes, and labels that have been checked."""
        labels = {split: _labels(file, key) for split, (_, key) in keys.items()}
        if labels["train"].ndim == 2:
            several = any(bool((split.sum(axis=1) != 1).any()) for split in labels.values())
            names = self._column_names(file, labels["train"], "", 0)
            task: Task = "multi_label" if several else "classification"
            return replace(info, class_names=names, several_labels=several, task=task), labels
        named = {f"{file.path}: {key}": labels[split] for split, (_, key) in keys.items()}
        names, numbers = class_numbers(named, self.class_names, self.first_label)
        return replace(info, class_names=names), dict(zip(labels, numbers.values(), strict=True))

    def _column_names(
        self, file: NpzFile, labels: Array, prefix: str, first: int
    ) -> tuple[str, ...]:
        """Return what the columns of labels are called."""
        columns = labels.shape[1]
        if self.class_names and len(self.class_names) != columns:
            raise DataError(
                f"{file.path}: labels have {columns} columns, class_names has "
                f"{len(self.class_names)} names"
            )
        numbered = tuple(f"{prefix}{number}" for number in np.arange(columns) + first)
        return self.class_names or numbered

    def _held_out(self, file: NpzFile, labels: Array) -> tuple[Array, Array]:
        what = f"{file.path}: the test split"
        return stratified_split(labels, self.test_fraction, self.split_seed, what)

    def _split(self, file: NpzFile, keys: Keys, labels: Array) -> Split:
        images, pixels = self._pixels(file, keys[0])
        if self.task == "image":
            labels, targets = self._pixels(file, keys[1], pixels)
            if targets != pixels:
                raise DataError(
                    f"{file.path}: {targets.high:g} means 1 in {keys[1]}, which is to be learnt, "
                    f"and {pixels.high:g} in {keys[0]}; save both in one range"
                )
            require_visible(labels, pixels, f"{file.path}: {keys[1]}")
            if images.dtype != labels.dtype:  # booleans beside floats, or the other way round
                images, _ = self._pixels(file, keys[0], as_float=True)
                labels, _ = self._pixels(file, keys[1], pixels, as_float=True)
        return Split(images, labels, pixels.high, minimum=pixels.low)

    def _pixels(
        self, file: NpzFile, key: str, mask: PixelRange | None = None, *, as_float: bool = False
    ) -> tuple[Array, PixelRange]:
        """Return images `(N, H, W, C)`, uint8 or float32, and what their pixels mean.

        With the range of the images they belong to, they may also be masks.
        """
        header, where = file.headers[key], f"{file.path}: {key}"
        kind = np.dtype(bool if header.dtype.kind == "b" else header.dtype)
        pixels = self.pixel_range(
            mask_pixels(np.empty(0, kind), mask).dtype if mask is not None else kind
        )
        as_they_are = pixels == PixelRange() and self.axes != "NCHW" and not as_float
        rows = file.rows(key) if as_they_are and prod(header.shape) > LARGE else None
        if rows is not None:
            return cast("Array", rows), pixels

        def pieces() -> Iterator[Array]:
            first = 0
            for piece in file.pieces(key):
                images = channels_last(piece, self.axes)
                if mask is not None:
                    images = mask_pixels(images, mask)
                images = checked_pixels(images, pixels, where, HINT, first=first)
                yield images.astype(np.float32, copy=False) if as_float else images
                first += len(piece)

        how = (key, repr(replace(self, path="")), mask, as_float)
        return cast("Array", kept(pieces(), header.shape[0], [*state_of(file.path), how])), pixels


def _labels(file: NpzFile, key: str) -> Array:
    """Return labels `(N,)` int64, or `(N, K)` float32 that have been checked to be 0 and 1."""
    labels = file.read(key)
    if labels.ndim == 2 and labels.shape[1] > 1:
        bad = (labels != 0) & (labels != 1)
        if bad.any():
            index = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
            raise DataError(
                f"{file.path}: {key}{list(index)} is {labels[index]}; several labels an image are "
                "zeros and ones (task: regression takes other numbers)"
            )
        return labels.astype(np.float32)
    labels = labels.reshape(-1)
    if labels.dtype.kind == "u" and labels.max() > np.iinfo(np.int64).max:
        raise DataError(f"{file.path}: {key} has the label {labels.max()}, which is out of range")
    return labels.astype(np.int64)


def _numbers(file: NpzFile, key: str) -> Array:
    """Return the targets of a regression, `(N, K)` float32."""
    read = file.read(key)
    with np.errstate(over="ignore"):
        numbers = read.reshape(len(read), -1).astype(np.float32)
    bad = ~np.isfinite(numbers)
    if bad.any():
        index = tuple(map(int, np.unravel_index(bad.argmax(), bad.shape)))
        raise DataError(f"{file.path}: {key}{list(index)} is {numbers[index]}; targets are finite")
    return numbers
